/**
 * Both halves against PyTorch (fixtures; README there), and the tensors of the full-size model
 * against its list.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { dcAe } from "@revq/backbone-dc-ae";
import { parseOptions } from "@revq/core";
import { availableEngines, createEngine } from "@revq/engine";
import { openSafetensors } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { architectureOf, expectedTensors } from "../src/architecture.js";
import { parseConfig } from "../src/config.js";

const fixtures = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "fixtures");
const models = ["dc-ae-tiny", "dc-ae-tiny-quadratic", "dc-ae-tiny-in"];

async function inputsAndOutputs(model: string): Promise<(name: string) => Promise<tf.Tensor4D>> {
  const source = await fromFile(join(fixtures, model, "io.safetensors"));
  const file = await openSafetensors(source);
  return async (name) => {
    const { shape, data } = await file.readFloat32(name);
    return tf.tidy(() => tf.transpose(tf.tensor4d(data, shape as [number, number, number, number]), [0, 2, 3, 1]));
  };
}

async function relativeError(actual: tf.Tensor, expected: tf.Tensor): Promise<number> {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [await actual.data(), await expected.data()];
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return difference / largest;
}

const engines = (await availableEngines()).filter((id) => id !== "webgpu" || process.env["REVQ_TEST_FULL"]);

describe.skipIf(!existsSync(fixtures))("dc-ae beside diffusers in PyTorch (needs ../shared/fixtures)", () => {
  describe.each(engines)("on %s", (id) => {
    it.each(models)("%s encodes and decodes alike", async (model) => {
      const engine = await createEngine({ engine: id });
      const before = tf.memory().numTensors;
      const backbone = await dcAe.create(parseOptions(dcAe, {}), {
        imageSize: 32,
        weights: await openWeights(join(fixtures, model)),
      });
      const read = await inputsAndOutputs(model);
      for (const [half, input, output] of [
        ["encode", "input", "encoder_output"],
        ["decode", "decoder_input", "decoder_output"],
      ] as const) {
        const [given, expected] = [await read(input), await read(output)];
        const result = await backbone[half](given);
        expect(await relativeError(result, expected)).toBeLessThan(1e-4);
        tf.dispose([given, expected, result]);
      }
      backbone.dispose();
      expect(tf.memory().numTensors).toBe(before);
      await engine.dispose();
    });
  });

  it("expects the tensors of the full-size model, no more and no fewer", () => {
    const { config, keys } = JSON.parse(readFileSync(join(fixtures, "dc-ae-f32c32-sana-keys.json"), "utf8")) as {
      config: unknown;
      keys: Record<string, number[]>;
    };
    const expected = expectedTensors(architectureOf(parseConfig(config, "config.json")));
    expect(Object.fromEntries(expected)).toEqual(keys);
    const parameters = [...expected.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(parameters).toBe(312_250_275);
  });
});
