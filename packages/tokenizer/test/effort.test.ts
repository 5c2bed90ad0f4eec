import "@tensorflow/tfjs-backend-cpu";
import type { Rectifier } from "@revq/core";
import { openSynthetic } from "@revq/data";
import { dct } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Tokenizer } from "../src/index.js";
import { makeTokenizer, side } from "./tiny-tokenizer.js";

let images: Tensor4D;

beforeAll(async () => {
  await tf.setBackend("cpu");
  for await (const { pixels, names } of openSynthetic("synthetic:dead-leaves", {
    size: side,
    count: 12,
    seed: 5,
  }).batches(12))
    images = tf.tensor4d(pixels, [names.length, side, side, 3]);
});
afterAll(() => images.dispose());

/** Its output is a fixed map of its input, other than the identity. */
const stretching: Rectifier = {
  variables: [],
  rectify: (latents) => tf.tidy(() => tf.add(tf.mul(latents, 1.3), tf.mul(0.1, tf.reverse(latents, 3)))),
  state: () => ({}),
  restore: () => undefined,
  dispose: () => undefined,
};

/** Mean squared error of the standardized latents after the rectifier, of each image. */
async function errors({ parts }: Tokenizer, latents: Tensor4D, ids: Tensor2D): Promise<Float32Array> {
  const found = tf.tidy(() => {
    const rectified = parts.rectifier.rectify(parts.space.inverse(parts.quantizer.dequantize(ids)));
    return tf.mean(tf.squaredDifference(parts.space.standardizer.standardize(latents), rectified), [1, 2, 3]);
  });
  return (await found.data()) as Float32Array;
}

describe.each([["none"], ["dct, in the decoder's metric"]])("effort, transform %s", (name) => {
  let tokenizer: Tokenizer;
  let latents: Tensor4D;

  beforeAll(async () => {
    tokenizer = await makeTokenizer(name === "none" ? {} : { transform: dct, metric: "decoder" });
    latents = await tokenizer.backbone.encode(images);
  });
  afterAll(() => {
    latents.dispose();
    tokenizer.dispose();
  });

  it("lowers the error after the rectifier, of no image less than it was", async () => {
    const stretched = new Tokenizer({ ...tokenizer.parts, rectifier: stretching });
    const of = async (effort: number): Promise<Float32Array> =>
      errors(stretched, latents, await stretched.encodeLatents(latents, { effort }));
    const [nearest, one, four] = [await of(0), await of(1), await of(4)];
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(one)).toBeLessThan(mean(nearest));
    expect(mean(four)).toBeLessThan(mean(one));
    for (let i = 0; i < nearest.length; i++) {
      expect(one[i]).toBeLessThanOrEqual(nearest[i]! * (1 + 1e-6));
      expect(four[i]).toBeLessThanOrEqual(one[i]! * (1 + 1e-6));
    }
  });

  it("changes nothing where the rectifier is the identity", async () => {
    const nearest = await tokenizer.encodeLatents(latents);
    const chosen = await tokenizer.encodeLatents(latents, { effort: 2 });
    expect(chosen.dtype).toBe("int32");
    expect(await chosen.data()).toEqual(await nearest.data());
  });

  it("is an option of images, too, and leaves no tensor behind", async () => {
    const stretched = new Tokenizer({ ...tokenizer.parts, rectifier: stretching });
    const ids = await stretched.encodeLatents(latents, { effort: 2 });
    const before = tf.memory().numTensors;
    const again = await stretched.encodeImages(images, { effort: 2 });
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(await again.data()).toEqual(await ids.data());
    const none = await stretched.encodeLatents(tf.zeros([0, ...latents.shape.slice(1)] as Tensor4D["shape"]), {
      effort: 2,
    });
    expect(none.shape).toEqual([0, ids.shape[1]]);
  });
});
