import "@tensorflow/tfjs-backend-cpu";
import { createRandom, quietContext, type LatentSource, type MetricId, type Transform } from "@revq/core";
import { dctKlt, none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  centredSource,
  channelShares,
  decoderMetric,
  disposeTransformed,
  LatentSpace,
  measureLatents,
  Standardizer,
  type Metric,
} from "../src/index.js";

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

/** Of a decoder that mixes its channels: picture = A z at every position, G = A^T A. */
const mixing = [
  [2, 1, 0],
  [0, 0.5, 0.4],
  [0.1, 0, 3],
  [1, -1, 1],
];
const gram = Float64Array.from({ length: 9 }, (_, i) =>
  mixing.reduce((sum, row) => sum + row[Math.floor(i / 3)]! * row[i % 3]!, 0),
);

async function spaceOf(plugin: typeof none, id: MetricId): Promise<LatentSpace> {
  const transform: Transform = await plugin.create({}, { latentShape: shape, tokens: 6 });
  const statistics = await measureLatents(source);
  const standardizer = Standardizer.fromStatistics(shape, statistics);
  const metric: Metric = id === "decoder" ? await decoderMetric(gram, centredSource(source, statistics)) : { id };
  const space = new LatentSpace(standardizer, transform, metric);
  await transform.fit(space.innerSource(source), quietContext(createRandom(1)));
  return space;
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);

describe.each([
  ["none", "standardized", none],
  ["none", "centred", none],
  ["none", "decoder", none],
  ["dct-klt", "standardized", dctKlt],
  ["dct-klt", "centred", dctKlt],
  ["dct-klt", "decoder", dctKlt],
] as const)("LatentSpace with %s, metric %s", (_, metric, plugin) => {
  it("brings latents back, gives standardized ones beside, and leaks nothing", async () => {
    const space = await spaceOf(plugin, metric);
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
    const space = await spaceOf(plugin, metric);
    const coefficients = await space.source(source);
    const latents = tf.tensor4d(values, [count, 4, 4, 3]);
    const transformed = await space.forward(latents);
    const read = await coefficients.read(all);
    expect(read).toEqual(await transformed.coefficients.data());
    const { variances } = coefficients;
    if (plugin === none && metric === "standardized") return expect(variances).toBeUndefined();
    // Mean over the blocks of every coefficient's second moment; a block is the whole map here.
    expect(variances).toHaveLength(size);
    const measured = variances!.map(
      (_, element) => read.reduce((sum, value, i) => (i % size === element ? sum + value ** 2 : sum), 0) / count,
    );
    measured.forEach((value, element) => expect(variances![element]! / value).toBeCloseTo(1, 3));
  });
});

describe("the metric decoder", () => {
  it("makes squared error proportional to that of the picture, with the mean variance 1", async () => {
    const space = await spaceOf(none, "decoder");
    const inner = await space.innerSource(source).read(all);
    expect(inner.reduce((sum, value) => sum + value ** 2, 0) / inner.length).toBeCloseTo(1, 5);
    // Squared distance of neighbouring latents, in the metric and in the picture A z.
    const ratios = Array.from({ length: 50 }, (_, row) => {
      let [metric, picture] = [0, 0];
      for (let p = row * size; p < (row + 1) * size; p += 3) {
        const difference = [0, 1, 2].map((c) => values[p + c]! - values[p + size + c]!);
        for (let c = 0; c < 3; c++) metric += (inner[p + c]! - inner[p + size + c]!) ** 2;
        for (const weights of mixing) picture += weights.reduce((sum, a, c) => sum + a * difference[c]!, 0) ** 2;
      }
      return metric / picture;
    });
    for (const ratio of ratios) expect(ratio / ratios[0]!).toBeCloseTo(1, 5);
    space.dispose();
  });

  it("knows the share of every channel in the picture's error", async () => {
    const space = await spaceOf(none, "decoder");
    // G_cc times the variance (1 + c)^2 of channel c.
    const errors = [5.01, 2.25 * 4, 10.16 * 9];
    const sum = errors.reduce((total, error) => total + error, 0);
    const { statistics } = space.standardizer;
    const shares = channelShares(space.metric, statistics)!;
    errors.forEach((error, c) => expect(shares[c]).toBeCloseTo(error / sum, 2));
    expect(shares.reduce((total, share) => total + share, 0)).toBeCloseTo(1, 12);
    expect(channelShares({ id: "centred" }, statistics)).toBeNull();
    space.dispose();
  });

  it("stays invertible where the decoder ignores a channel", async () => {
    const statistics = await measureLatents(source);
    const centred = centredSource(source, statistics);
    const metric = await decoderMetric(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 0), centred);
    const transform = await none.create({}, { latentShape: shape, tokens: 6 });
    const space = new LatentSpace(Standardizer.fromStatistics(shape, statistics), transform, metric);
    const latents = tf.tensor4d(values, [count, 4, 4, 3]);
    const { coefficients } = await space.forward(latents);
    const again = space.unstandardize(space.inverse(coefficients));
    expect(largest(await again.data(), values)).toBeLessThan(5e-4);
    space.dispose();
  });
});
