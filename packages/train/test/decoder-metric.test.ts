import "@tensorflow/tfjs-backend-cpu";
import { linear } from "@revq/backbone-linear";
import { createRandom, latentShapeOf, parseOptions, quietContext, type LatentSource } from "@revq/core";
import { inMemoryLatents, openSynthetic } from "@revq/data";
import { measureLatents } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { latentsToMeasure, measureDecoder } from "../src/inputs/decoder-metric.js";

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
    const measured: Float32Array[] = [];
    const recording: LatentSource = {
      ...source,
      async read(rows) {
        const values = await source.read(rows);
        measured.push(values.slice());
        return values;
      },
    };
    const gram = await measureDecoder({ decode }, recording, await measureLatents(source), context);
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
    expect(measured).toHaveLength(4);
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

  it("decodes at most a tenth as often as there are latents", () => {
    const of = (channels: number, count: number): number =>
      latentsToMeasure({ shape: { channels, height: 4, width: 4 }, count });
    expect([of(8, 252), of(16, 800), of(4, 1e6), of(32, 20)]).toEqual([2, 4, 4, 1]);
  });
});
