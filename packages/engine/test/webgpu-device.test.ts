/** What needs a WebGPU device; runs inside swiftshader.test.ts, or where there is a GPU. */
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { availableEngines, createEngine, describeEngines, type Engine } from "../src/index.js";

const present = (await availableEngines()).includes("webgpu");
const inSoftware = process.env["REVQ_TEST_SWIFTSHADER"] !== undefined;

it.runIf(inSoftware)("comes up on SwiftShader", () => expect(present).toBe(true));

describe.skipIf(!present)("a WebGPU device (needs a GPU, or SwiftShader through swiftshader.test.ts)", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "webgpu" });
  });
  afterAll(() => engine.dispose());

  it("is described with limits in bytes", () => {
    expect(engine.adapter!.limits["maxBufferSize"]).toBeGreaterThanOrEqual(2 ** 28);
    expect(engine.description).toMatch(/^webgpu: .+ through Dawn$/);
    expect(engine.info()).toMatchObject({
      backend: "webgpu",
      tensors: expect.any(Number),
      gpuBytes: expect.any(Number),
    });
  });

  it.runIf(inSoftware)("is passed over by auto", async () => {
    expect(engine.adapter).toMatchObject({ software: true, architecture: "swiftshader" });
    const chosen = await createEngine({ engine: "auto" });
    expect(chosen.id).not.toBe("webgpu");
    expect(chosen.refused[0]).toMatchObject({ id: "webgpu", reason: expect.stringContaining("software") });
    chosen.dispose();
    await tf.setBackend("webgpu");
  });

  it("keeps its tensors while all engines are described", async () => {
    const kept = tf.add(tf.ones([4]), 1);
    const reports = await describeEngines();
    expect(reports.find(({ id }) => id === "webgpu")).toMatchObject({ ok: true, trains: true });
    expect(tf.getBackend()).toBe("webgpu");
    expect([...(await kept.data())]).toEqual([2, 2, 2, 2]);
    kept.dispose();
  });

  it("refuses a tensor larger than a buffer", async () => {
    const elements = engine.adapter!.limits["maxBufferSize"]! / 4 + 1;
    expect(() => tf.fill([elements], 1)).toThrow(expect.objectContaining({ code: "webgpu-limit" }));
  });

  it("refuses a synchronous download", () => {
    const sum = tf.add(tf.ones([2000]), tf.ones([2000]));
    expect(() => sum.dataSync()).toThrow(expect.objectContaining({ code: "webgpu-sync-read" }));
    sum.dispose();
  });

  it("reports what the device refused instead of returning zeros", async () => {
    const { device } = tf.backend() as unknown as { device: GPUDevice };
    device.createBuffer({ size: device.limits.maxBufferSize + 4096, usage: 128 });
    await device.queue.onSubmittedWorkDone();
    const compute = async (): Promise<unknown> => tf.matMul(tf.ones([8, 8]), tf.ones([8, 8])).data();
    await expect(compute()).rejects.toMatchObject({ code: "webgpu-error" });
  });
});
