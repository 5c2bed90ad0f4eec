/**
 * Values and gradients of the whole rectifier against PyTorch (fixtures; README there).
 */
import { underPrefix } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { efficientVit } from "../src/efficientvit-rectifier.js";
import { resolveSizes } from "../src/options.js";
import {
  errors,
  expectAllWithin,
  needs,
  present,
  readFixture,
  relativeError,
  toNhwc,
  type Forward,
} from "../../../packages/plugin-kit/test/pytorch-fixtures.js";

const tolerance = 1e-4;

const sizesOfFixture = (outputSkip = false) =>
  resolveSizes(
    { channels: 64, layers: 2, headDim: 16, expandRatio: 4, outputSkip },
    { channels: 32, height: 8, width: 8 },
  );

describe.each(["cpu", "wasm"] as const)(
  `%s: values and gradients are PyTorch's within ${tolerance} relative`,
  (engineId) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await createEngine({ engine: engineId });
    });
    afterAll(() => engine.dispose());

    it.skipIf(!present)(`the whole small rectifier ${needs}`, async () => {
      const whole: Forward = (x, parameter) => efficientVit(x as Tensor4D, sizesOfFixture(), parameter);
      expectAllWithin(await errors("rectifier_small.safetensors", whole), tolerance);
    });

    it.skipIf(!present)(`the output skip adds the input to what the network gives without it ${needs}`, async () => {
      const { tensors } = await readFixture("rectifier_small.safetensors");
      const weights = underPrefix("w", tensors);
      const x = toNhwc(tensors["input"]!);
      const out = efficientVit(x, sizesOfFixture(true), (name) => weights[name]!);
      expect(relativeError(tf.sub(out, x), toNhwc(tensors["output"]!))).toBeLessThan(tolerance);
    });
  },
);
