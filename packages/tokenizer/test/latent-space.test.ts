import "@tensorflow/tfjs-backend-cpu";
import { createRandom, quietContext, type LatentSource, type Transform } from "@revq/core";
import { dctKlt, none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { disposeTransformed, LatentSpace, measureLatents, Standardizer } from "../src/index.js";

beforeAll(() => tf.setBackend("cpu"));

const shape = { channels: 3, height: 4, width: 4 };
const size = 48;
const count = 200;
const random = createRandom(7);
/** Channel c has the mean 5c and the standard deviation 1 + c. */
const values = Float32Array.from({ length: count * size }, (_, i) => 5 * (i % 3) + (1 + (i % 3)) * random.normal());
const source: LatentSource = {
  shape,
  count,
  read: async (indices) =>
    Float32Array.from(Array.from(indices).flatMap((i) => Array.from(values.subarray(i * size, (i + 1) * size)))),
};
const all = Int32Array.from({ length: count }, (_, i) => i);

async function spaceOf(plugin: typeof none, standardize: boolean): Promise<LatentSpace> {
  const transform: Transform = await plugin.create({}, { latentShape: shape, tokens: 6 });
  const standardizer = Standardizer.fromStatistics(shape, await measureLatents(source));
  const space = new LatentSpace(standardizer, transform, standardize);
  await transform.fit(space.innerSource(source), quietContext(createRandom(1)));
  return space;
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);

describe.each([
  ["none", true, none],
  ["none", false, none],
  ["dct-klt", true, dctKlt],
  ["dct-klt", false, dctKlt],
] as const)("LatentSpace with %s, standardize %s", (_, standardize, plugin) => {
  it("brings latents back, gives standardized ones beside, and leaks nothing", async () => {
    const space = await spaceOf(plugin, standardize);
    const latents = tf.tensor4d(values, [count, 4, 4, 3]);
    const before = tf.memory().numTensors;
    const transformed = await space.forward(latents);
    const { mean, variance } = tf.moments(transformed.standardized, 0);
    expect(largest(await mean.data(), new Float64Array(size))).toBeLessThan(1e-5);
    expect(largest(await variance.data(), new Float64Array(size).fill(1))).toBeLessThan(1e-5);
    const standardized = space.inverse(transformed.coefficients);
    expect(largest(await standardized.data(), await transformed.standardized.data())).toBeLessThan(1e-5);
    const again = space.unstandardize(standardized);
    expect(largest(await again.data(), values)).toBeLessThan(5e-5);
    const graph = space.graph(latents);
    expect(largest(await graph.data(), await transformed.coefficients.data())).toBeLessThan(5e-5);
    tf.dispose([mean, variance, standardized, again, graph]);
    disposeTransformed(transformed);
    expect(tf.memory().numTensors).toBe(before);
    latents.dispose();
    space.dispose();
  });

  it("gives the same bits from a source and from tensors, and knows the variances", async () => {
    const space = await spaceOf(plugin, standardize);
    const coefficients = await space.source(source);
    const latents = tf.tensor4d(values, [count, 4, 4, 3]);
    const transformed = await space.forward(latents);
    const read = await coefficients.read(all);
    expect(read).toEqual(await transformed.coefficients.data());
    const { variances } = coefficients;
    if (plugin === none && standardize) return expect(variances).toBeUndefined();
    // Mean over the blocks of every coefficient's second moment; a block is the whole map here.
    expect(variances).toHaveLength(size);
    const measured = variances!.map(
      (_, element) => read.reduce((sum, value, i) => (i % size === element ? sum + value ** 2 : sum), 0) / count,
    );
    measured.forEach((value, element) => expect(variances![element]! / value).toBeCloseTo(1, 3));
  });
});
