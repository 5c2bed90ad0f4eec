/** Cutting latents into tokens as tensors, against the order of elements that core gives. */
import { latentSize, tokenOrder, tokenSplits, type LatentShape } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { layouts } from "../../core/test/latent-layouts.js";
import { cutTokens, joinTokens } from "../src/index.js";

beforeAll(() => tf.setBackend("cpu"));
const shape: LatentShape = { channels: 2, height: 2, width: 4 };

describe("cutTokens and joinTokens", () => {
  it("cut as `tokenOrder` says, and join to the same latents", () => {
    fc.assert(
      fc.property(layouts, fc.integer({ min: 1, max: 3 }), ([latent, tokens, split], n) => {
        const size = latentSize(latent);
        const values = Float32Array.from({ length: n * size }, (_, i) => i);
        const latents = tf.tensor4d(values, [n, latent.height, latent.width, latent.channels]);
        const before = tf.memory().numTensors;
        const cut = cutTokens(latents, latent, tokens, split);
        expect(cut.shape).toEqual([n, tokens, size / tokens]);
        const order = tokenOrder(latent, tokens, split);
        expect([...cut.dataSync()]).toEqual(Array.from(values.keys(), (i) => i - (i % size) + order[i % size]!));
        const joined = joinTokens(cut, latent, split);
        expect(joined.shape).toEqual(latents.shape);
        expect(joined.dataSync()).toEqual(values);
        tf.dispose([cut, joined]);
        expect(tf.memory().numTensors).toBe(before);
        latents.dispose();
      }),
    );
  });

  it.each(tokenSplits)("are differentiable: split %s", (split) => {
    const latents = tf.tensor4d(
      Float32Array.from({ length: 16 }, (_, i) => i),
      [1, 2, 4, 2],
    );
    const weights = tf.tensor3d(
      Float32Array.from({ length: 16 }, (_, i) => i * i),
      [1, 4, 4],
    );
    const gradient = tf.grad((x) => tf.sum(tf.mul(cutTokens(x as tf.Tensor4D, shape, 4, split), weights)))(latents);
    expect(gradient.dataSync()).toEqual(joinTokens(weights, shape, split).dataSync());
  });
});
