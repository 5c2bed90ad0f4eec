import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { availableEngines, createEngine, type Engine } from "../src/index.js";
import { expectParity } from "./support/compare.js";
import { operations } from "./support/operations.js";

/**
 * REVQ_TEST_ENGINES=webgpu,wasm restricts the run; REVQ_TEST_RUNS sets how many shapes each
 * operation is tried with.
 */
const wanted = process.env["REVQ_TEST_ENGINES"]?.split(",");
const full = process.env["REVQ_TEST_FULL"] !== undefined;
const engines = (await availableEngines()).filter((id) => id !== "cpu" && (wanted?.includes(id) ?? true));

it.skipIf(engines.length > 0)("finds an engine to compare with cpu", () => {
  expect(wanted ?? [], "none of the engines asked for works here").toEqual([]);
});

describe.each(engines)("%s equals tfjs cpu", (id) => {
  const runs = Number(process.env["REVQ_TEST_RUNS"] ?? (full ? 100 : 8));
  const tolerance = id === "webgpu" ? 1e-3 : 2e-4;
  let reference: Engine;
  let engine: Engine;

  beforeAll(async () => {
    reference = await createEngine({ engine: "cpu" });
    engine = await createEngine({ engine: id });
  });
  afterAll(() => {
    engine.dispose();
    reference.dispose();
  });

  it.each(operations)("$name", async (operation) => {
    await expectParity(operation, engine.info().backend, runs, tolerance);
  });

  it("leaks no tensors", async () => {
    await tf.setBackend(engine.info().backend);
    const before = tf.memory().numTensors;
    await expectParity(operations[0]!, engine.info().backend, 3, tolerance);
    expect(tf.memory().numTensors).toBe(before);
  });
});
