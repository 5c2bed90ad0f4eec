import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { availableEngines, createEngine, describeEngines, engineIds, speedCheck } from "../src/index.js";

describe("describeEngines", () => {
  it("reports every engine and leaves nothing registered", async () => {
    const before = Object.keys(tf.engine().registryFactory);
    const reports = await describeEngines();
    expect(reports.map(({ id }) => id)).toEqual([...engineIds]);
    for (const { ok, reason, fix } of reports) expect(ok || (reason !== "" && fix !== undefined)).toBe(true);
    expect(reports.filter(({ id }) => id === "wasm" || id === "cpu").every(({ ok, trains }) => ok && trains)).toBe(
      true,
    );
    expect(Object.keys(tf.engine().registryFactory)).toEqual(before);
    expect(tf.engine().backendName ?? undefined).toBeUndefined();
  });

  it("keeps the current engine and its tensors", async () => {
    const engine = await createEngine({ engine: "wasm" });
    const tensor = tf.tensor([1, 2, 3]);
    await describeEngines();
    expect(tf.getBackend()).toBe("wasm");
    expect([...(await tensor.data())]).toEqual([1, 2, 3]);
    tensor.dispose();
    engine.dispose();
  });
});

describe("availableEngines", () => {
  it("lists what works, best first", async () => {
    const ids = await availableEngines();
    expect(ids.slice(-2)).toEqual(["wasm", "cpu"]);
    expect([...ids].sort((a, b) => engineIds.indexOf(a) - engineIds.indexOf(b))).toEqual(ids);
  });
});

describe("speedCheck", () => {
  it("measures products and convolutions, and leaves no tensors", async () => {
    const engine = await createEngine({ engine: "wasm" });
    const before = tf.memory().numTensors;
    const { matmul, convolution } = await speedCheck(engine);
    expect(matmul.what).toMatch(/^matmul (1024|256)\^3$/);
    for (const { ms, gflops } of [matmul, convolution]) expect(Math.min(ms, gflops)).toBeGreaterThan(0);
    expect(matmul.gflops * matmul.ms * 1e6).toBeCloseTo(2 * Number(/(\d+)\^/.exec(matmul.what)![1]) ** 3, -4);
    expect(tf.memory().numTensors).toBe(before);
    engine.dispose();
  });
});
