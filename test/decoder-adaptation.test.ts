/**
 * Every way to adapt a decoder lowers LPIPS on photographs that it was not trained on. The tiny
 * autoencoder for SD3 learns to decode latents that are rounded coarsely.
 */
import { tae } from "@revq/backbone-tae";
import { createRandom, parseOptions, type Backbone, type NamedTensors } from "@revq/core";
import { openImages } from "@revq/data";
import { createEngine, type Engine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import type { Lpips } from "@revq/metrics/networks";
import { createAdaptedDecoder } from "@revq/tokenizer";
import { createAdamW, createDecoderAdapter, openLpips, planAdapter } from "@revq/train";
import { lpipsFolder } from "@revq/weights-lpips";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleImages } from "./support/revq.js";

const weights = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "weights");
const side = 64;

describe.skipIf(!existsSync(join(weights, "taesd3_decoder.safetensors")))(
  "adapting the decoder of taesd3 (needs ../shared/weights)",
  () => {
    const options = parseOptions(tae, { variant: "taesd3" });
    let engine: Engine;
    let backbone: Backbone;
    let lpips: Lpips;
    /** Photographs `[n, 64, 64, 3]` and their rounded latents. */
    let [train, heldOut]: Pair[] = [];
    interface Pair {
      readonly images: Tensor4D;
      readonly latents: Tensor4D;
    }

    beforeAll(async () => {
      engine = await createEngine({ engine: "auto" });
      backbone = await tae.create(options, { imageSize: side, weights: await openWeights(weights) });
      lpips = await openLpips(await openWeights(fileURLToPath(lpipsFolder)), "squeeze");
      const all = await openImages(sampleImages, { size: side, limit: 8 });
      for await (const { pixels } of all.batches(8)) {
        const images = tf.tensor4d(pixels, [8, side, side, 3]);
        const latents = await backbone.encode(images);
        const half = (first: number): Pair =>
          tf.tidy(() => ({
            images: tf.slice(images, [first, 0, 0, 0], [4, -1, -1, -1]),
            latents: tf.mul<Tensor4D>(tf.round(tf.div(tf.slice(latents, [first, 0, 0, 0], [4, -1, -1, -1]), 1.5)), 1.5),
          }));
        [train, heldOut] = [half(0), half(4)];
        tf.dispose([images, latents]);
      }
    });
    afterAll(() => {
      tf.dispose([train, heldOut].map((pair) => ({ ...pair })));
      backbone.dispose();
      lpips.dispose();
      engine.dispose();
    });

    async function distance(decoder: Backbone): Promise<number> {
      const images = await decoder.decode(heldOut!.latents);
      const mean = tf.tidy(() => tf.mean(lpips.distance(tf.clipByValue(images, -1, 1), heldOut!.images)));
      const [value] = await mean.data();
      tf.dispose([images, mean]);
      return value!;
    }

    it.each(["all", "last", "lora"] as const)("mode %s lowers LPIPS", async (mode) => {
      const before = await distance(backbone);
      const gradients = backbone.gradients!;
      const adapter = createDecoderAdapter(
        planAdapter(mode, gradients, backbone.state()),
        backbone.state(),
        createRandom(1),
      );
      const { variables } = adapter;
      const optimizer = createAdamW([{ name: "decoder", variables, learningRate: 3e-4, weightDecay: 0 }]);
      for (let step = 0; step < 6; step++) {
        const loss = tf.tidy(() => {
          const cut = (x: Tensor4D): Tensor4D => tf.slice(x, [(step % 2) * 2, 0, 0, 0], [2, -1, -1, -1]);
          const target = cut(train!.images);
          const { value, grads } = tf.variableGrads(() => {
            const { images } = gradients.decode(cut(train!.latents), adapter.weights());
            return tf.add(
              tf.mean(lpips.distance(images, target)),
              tf.losses.meanSquaredError(target, images),
            ) as Scalar;
          }, [...variables]);
          optimizer.apply(grads);
          return value;
        });
        loss.dispose();
      }
      const create = (state: NamedTensors): Promise<Backbone> => tae.create(options, { imageSize: side, state });
      const decoder = await createAdaptedDecoder({ backbone, mode, tensors: adapter.state(), create });
      const after = await distance(decoder.backbone);
      expect(after).toBeLessThan(0.8 * before);
      decoder.dispose();
      adapter.dispose();
      optimizer.dispose();
    });
  },
);
