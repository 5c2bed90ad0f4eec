import { multiScaleAttention, type ParameterOf, gluMbConv, rmsNorm } from "@revq/plugin-kit";
/**
 * Values and gradients of every block and of the whole rectifier against PyTorch (fixtures; README
 * there).
 */
import { underPrefix } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { efficientVit } from "../src/efficientvit-rectifier.js";
import { resolveSizes } from "../src/options.js";
import { gradientsOf, needs, present, readFixture, relativeError, toNhwc } from "./support.js";

const tolerance = 1e-4;

type Forward = (x: Tensor, parameter: ParameterOf) => Tensor;

async function errors(file: string, forward: Forward, toOurs: (tensor: Tensor) => Tensor = toNhwc) {
  const { tensors } = await readFixture(file);
  const ours = gradientsOf(
    forward,
    toOurs(tensors["input"]!),
    underPrefix("w", tensors),
    toOurs(tensors["grad_output"]!),
  );
  const expected = underPrefix("g", tensors);
  expect(Object.keys(ours.weights).sort()).toEqual(Object.keys(expected).sort());
  return {
    value: relativeError(ours.value, toOurs(tensors["output"]!)),
    input: relativeError(ours.input, toOurs(tensors["grad_input"]!)),
    ...Object.fromEntries(
      Object.keys(expected).map((name) => [name, relativeError(ours.weights[name]!, expected[name]!)]),
    ),
  };
}

function expectAllWithin(found: Record<string, number>, limit: number): void {
  const outside = Object.entries(found).filter(([, error]) => !(error <= limit));
  expect(outside).toEqual([]);
}

const sizesOfFixture = (outputSkip = false) =>
  resolveSizes(
    { channels: 64, layers: 2, headDim: 16, expandRatio: 4, outputSkip },
    { channels: 32, height: 8, width: 8 },
  );

const efficientVitBlock: Forward = (x, parameter) =>
  gluMbConv(
    multiScaleAttention(x as Tensor4D, 16, (name) => parameter(`attn.${name}`)),
    (name) => parameter(`conv_out.${name}`),
  );

describe.each(["cpu", "wasm"] as const)(
  `%s: values and gradients are PyTorch's within ${tolerance} relative`,
  (engineId) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await createEngine({ engine: engineId });
    });
    afterAll(() => engine.dispose());

    it.skipIf(!present)(`RMSNorm ${needs}`, async () => {
      const norm: Forward = (x, parameter) => rmsNorm(x, parameter("weight"), parameter("bias"));
      expectAllWithin(await errors("rmsnorm_64.safetensors", norm, (tensor) => tensor), tolerance);
    });

    it.skipIf(!present)(`GLU-MBConv ${needs}`, async () => {
      const block: Forward = (x, parameter) => gluMbConv(x as Tensor4D, parameter);
      expectAllWithin(await errors("glumbconv_64.safetensors", block), tolerance);
    });

    it.skipIf(!present)(`EfficientViT block where the reference takes its linear route ${needs}`, async () => {
      expectAllWithin(await errors("efficientvit_64_linear.safetensors", efficientVitBlock), tolerance);
    });

    it.skipIf(!present)(`EfficientViT block where the reference takes its quadratic route ${needs}`, async () => {
      expectAllWithin(await errors("efficientvit_64_quadratic.safetensors", efficientVitBlock), tolerance);
    });

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
