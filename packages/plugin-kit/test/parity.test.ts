/** Values and gradients of the layers against PyTorch (fixtures; README there). */
import { createEngine, type Engine } from "@revq/engine";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { gluMbConv, multiScaleAttention, rmsNorm } from "../src/index.js";
import { errors, expectAllWithin, needs, present, type Forward } from "./pytorch-fixtures.js";

const tolerance = 1e-4;

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
  },
);
