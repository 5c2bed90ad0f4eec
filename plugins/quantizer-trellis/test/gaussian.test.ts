/** Errors on Gaussians, beside what theory allows. */
import { createRandom, quietContext, type LatentSource } from "@revq/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { TrellisQuantizer } from "../src/trellis-quantizer.js";

const shape = { channels: 4, height: 16, width: 16 };
const size = 1024;
const transform = { block: [16, 16], blocks: 1, decorrelated: false } as const;

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** Independent values of these deviations, drawn anew. */
function gaussians(count: number, seed: number, deviations: Float32Array): LatentSource & { all: Float32Array } {
  const random = createRandom(seed);
  const all = Float32Array.from({ length: count * size }, (_, i) => deviations[i % size]! * random.normal());
  const read = async (rows: ArrayLike<number>): Promise<Float32Array> => {
    const values = new Float32Array(rows.length * size);
    Array.from(rows, (row, i) => values.set(all.subarray(row * size, (row + 1) * size), i * size));
    return values;
  };
  const variances = Float64Array.from(deviations, (deviation) => deviation ** 2);
  return { shape, count, read, all, variances };
}

/** Mean squared error of values that the fit did not see. */
async function errorOf(bits: number, deviations: Float32Array, images = 100): Promise<number> {
  const quantizer = new TrellisQuantizer(shape, transform, { tokens: bits / 8, codes: 256, passes: 12 });
  await quantizer.fit(gaussians(images, 1, deviations), quietContext(createRandom(2)));
  const { all } = gaussians(20, 3, deviations);
  const ids = await quantizer.quantize(tf.tensor4d(all, [20, 16, 16, 4]));
  const decoded = (await quantizer.dequantize(ids).data()) as Float32Array;
  quantizer.dispose();
  return all.reduce((sum, value, i) => sum + (value - decoded[i]!) ** 2, 0) / all.length;
}

const unit = new Float32Array(size).fill(1);

it("is within 20 % of Shannon's bound at 1 and 2 bits, where a scalar quantizer is 45 and 88 % above it", async () => {
  expect(await errorOf(size, unit)).toBeLessThan(0.29); // Lloyd-Max .3634, bound .25
  const two = await errorOf(2 * size, unit);
  expect(two).toBeLessThan(0.075); // Lloyd-Max .1175, bound .0625
  expect(two).toBeGreaterThan(0.0625);
}, 60_000);

it("spends bits by variance: within 30 % of reverse water-filling on unequal variances", async () => {
  const deviations = Float32Array.from({ length: size }, (_, i) => 2 ** (-4 * (i / size)));
  const variances = Array.from(deviations, (deviation) => deviation ** 2);
  const bits = 1.5 * size;
  let [low, high] = [1e-9, 1];
  for (let i = 0; i < 100; i++) {
    const level = Math.sqrt(low * high);
    const rate = variances.reduce((sum, variance) => sum + Math.max(0, Math.log2(variance / level) / 2), 0);
    [low, high] = rate > bits ? [level, high] : [low, level];
  }
  const bound = variances.reduce((sum, variance) => sum + Math.min(variance, low), 0) / size;
  const error = await errorOf(bits, deviations);
  expect(error).toBeGreaterThan(bound);
  expect(error).toBeLessThan(1.3 * bound);
}, 60_000);
