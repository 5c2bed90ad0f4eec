import "@tensorflow/tfjs-backend-cpu";
import { linear } from "@revq/backbone-linear";
import { createRandom, latentShapeOf, parseOptions, quietContext, type LatentSource } from "@revq/core";
import { inMemoryLatents, openSynthetic } from "@revq/data";
import { measureLatents } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { measureDecoder, metricSamples } from "../src/inputs/decoder-metric.js";

beforeAll(() => tf.setBackend("cpu"));

const context = quietContext(createRandom(4));

function randomSource(channels: number, side: number, count: number): LatentSource {
  const random = createRandom(1);
  // Channel c varies 2^c times as much as the first.
  const values = Float32Array.from(
    { length: count * side * side * channels },
    (_, i) => 2 ** (i % channels) * random.normal(),
  );
  return inMemoryLatents({ channels, height: side, width: side }, values);
}

describe("measureDecoder", () => {
  it("gives the exact JᵀJ of the linear backbone, whose basis is orthonormal", async () => {
    const backbone = await linear.create(parseOptions(linear, { patch: 4, channels: 5 }), { imageSize: 32 });
    await backbone.fit!.run(openSynthetic("synthetic:dead-leaves", { size: 32, count: 20 }), context);
    const source = randomSource(5, latentShapeOf(backbone.spec, 32).height, 100);
    const gram = await measureDecoder(backbone, source, await measureLatents(source), context);
    // A patch of 4 x 4 x 3 values is one position: JᵀJ is the identity, over 48 values.
    gram.forEach((value, i) => expect(48 * value).toBeCloseTo(i % 6 === 0 ? 1 : 0, 4));
    backbone.dispose();
  });

  it("gives the exact JᵀJ of a curved decoder that mixes its channels, averaged over positions", async () => {
    const channels = 3;
    const weights = Float32Array.of(0.2, 0.1, 0, 0.1, 0.1, -0.03, -0.2, 0.05, 0.04); // [c, 3]
    const source = randomSource(channels, 6, 400);
    const decode = async (latents: Tensor4D): Promise<Tensor4D> =>
      tf.tidy(() => {
        const [n, h, w] = latents.shape;
        const flat = tf.matMul(tf.reshape(latents, [n * h * w, channels]), tf.tensor2d(weights, [channels, 3]));
        return tf.reshape<tf.Rank.R4>(tf.tanh(flat), [n, h, w, 3]);
      });
    // The first of c + 1 decodes of a sample is the latent that it is measured at.
    const decoded: Float32Array[] = [];
    const recording = async (latents: Tensor4D): Promise<Tensor4D> => {
      decoded.push(Float32Array.from(await latents.data()));
      return decode(latents);
    };
    const gram = await measureDecoder({ decode: recording }, source, await measureLatents(source), context);
    const measured = decoded.filter((_, i) => i % (channels + 1) === 0);
    const exact = new Float64Array(channels ** 2);
    const latents = Float32Array.from(measured.flatMap((values) => [...values]));
    for (let p = 0; p < latents.length; p += channels) {
      for (let k = 0; k < 3; k++) {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += latents[p + c]! * weights[c * 3 + k]!;
        const slope = 1 - Math.tanh(sum) ** 2;
        for (let i = 0; i < channels ** 2; i++) {
          const [row, column] = [Math.floor(i / channels), i % channels];
          exact[i]! += (slope ** 2 * weights[row * 3 + k]! * weights[column * 3 + k]!) / latents.length;
        }
      }
    }
    expect(measured).toHaveLength(5);
    expect(Math.abs(exact[1]!) / Math.sqrt(exact[0]! * exact[4]!)).toBeGreaterThan(0.5);
    gram.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(0.02 * Math.max(...exact)));
  });

  it("is the same when it is repeated, and leaks nothing", async () => {
    const source = randomSource(2, 4, 60);
    const statistics = await measureLatents(source);
    const decode = async (latents: Tensor4D): Promise<Tensor4D> => tf.sin(latents);
    const before = tf.memory().numTensors;
    const gram = await measureDecoder({ decode }, source, statistics, context);
    expect(await measureDecoder({ decode }, source, statistics, context)).toEqual(gram);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("measures crops where the decoder takes any size, and decodes rarely", () => {
    const of = (channels: number, side: number, count: number, crops: boolean): (number | undefined)[] => {
      const samples = metricSamples({ shape: { channels, height: side, width: side }, count }, crops);
      return [samples.count, samples.height];
    };
    expect(of(8, 32, 252, true)).toEqual([5, 16]);
    expect(of(16, 32, 800, true)).toEqual([8, 16]);
    expect(of(16, 32, 800, false)).toEqual([2, 32]);
    expect(of(32, 8, 1000, true)).toEqual([1, 8]);
    expect(of(4, 64, 10, false)).toEqual([1, 64]);
  });
});
