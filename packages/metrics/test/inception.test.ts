/**
 * FID's Inception against pytorch-fid's, with weights that a formula defines
 * (tools/golden/inception.py).
 */
import { createEngine, type Engine } from "@revq/engine";
import { createInception, inceptionTensors } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededImage, seededWeights } from "./seeded.js";

const golden = JSON.parse(readFileSync(new URL("fixtures/inception.json", import.meta.url), "utf8")) as {
  convolutions: Record<string, number[]>;
  others: number;
  features: number[][];
  logits: number[][];
};

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
});
afterAll(() => engine.dispose());

describe("FID's Inception", () => {
  it("has pytorch-fid's tensors, but for the last bias", () => {
    const shapes = inceptionTensors();
    const convolutions = [...shapes].filter(([name]) => name.endsWith("conv.weight"));
    expect(Object.fromEntries(convolutions)).toEqual(golden.convolutions);
    expect(shapes.size - convolutions.length).toBe(golden.others - 1);
  });

  it("gives pytorch-fid's features and logits, resized from another size, and leaks nothing", async () => {
    const before = tf.memory().numTensors;
    const shapes = inceptionTensors();
    // Seeds count every key of the checkpoint in order; fc.bias, which is not read, is among them.
    const order = [...shapes.keys(), "fc.bias"].sort();
    const weights = Object.fromEntries(
      [...shapes].map(([name, shape]) => {
        const values = seededWeights(shape, order.indexOf(name));
        const offset = name.endsWith("bn.weight") ? 1 : name.endsWith("running_var") ? 0.8 : 0;
        return [name, tf.tensor(offset ? values.map((value) => value + offset) : values, [...shape])];
      }),
    );
    const inception = createInception(weights);
    tf.dispose(weights);
    const images = tf.tensor4d([...seededImage(90, 70, 1), ...seededImage(90, 70, 2)], [2, 90, 70, 3]);
    const { features, logits } = inception.run(images);
    for (const [got, expected] of [
      [features, golden.features],
      [logits, golden.logits],
    ] as const) {
      const values = (await got.data()) as Float32Array;
      const largest = Math.max(...expected.flat().map(Math.abs));
      expected.forEach((row, image) =>
        row.forEach((want, i) => {
          expect(Math.abs(values[image * got.shape[1]! + 41 * i]! - want) / largest).toBeLessThan(2e-4);
        }),
      );
    }
    tf.dispose([images, features, logits]);
    inception.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses weights of another network", () => {
    expect(() => createInception({})).toThrowError(/no tensor "Conv2d_1a_3x3/);
  });
});
