/** Transforms against closed forms: cosines, known axes, energy that stays, and the way back. */
import "@tensorflow/tfjs-backend-cpu";
import { createRandom, latentSize, quietContext, type LatentShape, type LatentSource } from "@revq/core";
import { blockElements } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dct, dctKlt, none, pca, standardize } from "../src/index.js";
import { blockCosines } from "../src/dct.js";
import { findTransform, requireTransform, transforms } from "../src/geometry.js";
import { createHostTransform } from "../src/host.js";

const pluginOf = { dct, pca, "dct-klt": dctKlt } as const;

function sourceOf(shape: LatentShape, values: Float32Array): LatentSource {
  const size = latentSize(shape);
  const rows = (indices: ArrayLike<number>): Float32Array =>
    Float32Array.from(Array.from(indices).flatMap((index) => [...values.subarray(index * size, (index + 1) * size)]));
  return { shape, count: values.length / size, read: async (indices) => rows(indices) };
}

beforeAll(() => tf.setBackend("cpu"));

const shape: LatentShape = { channels: 3, height: 8, width: 12 };
const size = latentSize(shape);
const random = createRandom(1);
const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());

describe("blocks", () => {
  const blockOf = (given: LatentShape, tokens: number, kind: (typeof transforms)[number] = "dct-klt") =>
    findTransform(kind, given, tokens)?.block;
  it("are up to 8 x 8 positions, as large as the number of tokens allows", () => {
    expect(blockOf({ channels: 32, height: 8, width: 8 }, 256)).toEqual([8, 8]);
    expect(blockOf({ channels: 16, height: 32, width: 32 }, 512)).toEqual([8, 8]);
    expect(blockOf({ channels: 16, height: 32, width: 32 }, 8)).toEqual([8, 16]);
    expect(blockOf({ channels: 3, height: 7, width: 5 }, 15)).toEqual([7, 5]);
    expect(blockOf({ channels: 4, height: 64, width: 64 }, 1)).toBeUndefined();
  });
  it("of pca mix at most 1024 elements", () => {
    expect(blockOf({ channels: 32, height: 8, width: 8 }, 256, "pca")).toEqual([4, 8]);
  });
  it("hold every element of a latent once", () => {
    const elements = blockElements(shape, requireTransform("dct", shape, 24));
    expect([...elements].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
  });
});

it("the DCT of a cosine is one coefficient", () => {
  const one: LatentShape = { channels: 1, height: 4, width: 8 };
  const { forward } = createHostTransform(requireTransform("dct", one, 4), null);
  const wave = Float32Array.from({ length: 32 }, (_, i) => {
    const [y, x] = [Math.floor(i / 8), i % 8];
    return 2 * Math.cos((Math.PI * (y + 0.5) * 1) / 4) * Math.cos((Math.PI * (x + 0.5) * 3) / 8);
  });
  forward(wave);
  // Norm of the two cosines: sqrt(4 / 2) * sqrt(8 / 2).
  wave.forEach((value, i) => expect(value).toBeCloseTo(i === 8 + 3 ? 2 * Math.sqrt(2) * 2 : 0, 5));
});

it("cosines of a block are orthonormal", () => {
  const matrix = blockCosines(2, 3);
  for (let a = 0; a < 6; a++)
    for (let b = 0; b < 6; b++) {
      let dot = 0;
      for (let i = 0; i < 6; i++) dot += matrix[a * 6 + i]! * matrix[b * 6 + i]!;
      expect(dot).toBeCloseTo(a === b ? 1 : 0, 12);
    }
});

describe.each(transforms)("%s", (kind) => {
  const geometry = requireTransform(kind, shape, 24);
  const values = normals(50 * size);
  // Channel 1 follows channel 0, and neighbours each other.
  for (let i = 0; i + 3 < values.length; i++) values[i + 1]! += i % 3 === 0 ? 2 * values[i]! : 0;

  it("keeps energy, decorrelates what it was fitted on, and goes back on host and engine", async () => {
    const transform = await pluginOf[kind].create({}, { latentShape: shape, tokens: 24 });
    await transform.fit(sourceOf(shape, values), quietContext(random));
    const variances = transform.variances!;
    const host = (await transform.host())!;
    const coefficients = values.slice();
    host.forward(coefficients);
    const energy = (array: ArrayLike<number>): number => Array.from(array).reduce((sum, value) => sum + value ** 2, 0);
    expect(energy(coefficients) / energy(values)).toBeCloseTo(1, 5);
    expect(energy(variances.map(Math.sqrt)) * 50 * geometry.blocks).toBeCloseTo(energy(values), -1);

    const elements = blockElements(shape, geometry);
    const { count, dim } = geometry.rotations;
    for (let r = 0; r < count; r++) {
      let cross = 0;
      let own = 0;
      for (let n = 0; n < 50; n++)
        for (let b = 0; b < geometry.blocks; b++) {
          const at = (k: number): number =>
            coefficients[n * size + elements[b * geometry.size + r * dim + k]!]! / Math.sqrt(50 * geometry.blocks);
          cross += at(0) * at(1);
          own += at(0) ** 2;
        }
      expect(Math.abs(cross)).toBeLessThan(1e-4);
      expect(own).toBeCloseTo(variances[r * dim]!, 3);
    }

    const near = (found: ArrayLike<number>, expected: Float32Array): void =>
      expected.forEach((value, i) => expect(Math.abs(value - found[i]!)).toBeLessThan(1e-4));
    const back = coefficients.slice();
    host.inverse(back);
    near(back, values);
    const [forward, inverse] = tf.tidy(() => [
      transform.forward(tf.tensor4d(values, [50, 8, 12, 3])),
      transform.inverse(tf.tensor4d(coefficients, [50, 8, 12, 3])),
    ]);
    near(await forward!.data(), coefficients);
    near(await inverse!.data(), values);
    tf.dispose([forward!, inverse!]);
    transform.dispose();
  });

  it("knows its parameters without being made, and takes its state back", async () => {
    const transform = await pluginOf[kind].create({}, { latentShape: shape, tokens: 24 });
    await transform.fit(sourceOf(shape, values), quietContext(random));
    const parameters = Object.values(transform.state()).reduce((sum, { size }) => sum + size, 0);
    expect(pluginOf[kind].parameterCount({}, { latentShape: shape, tokens: 24 })).toBe(parameters);
    const again = await pluginOf[kind].create({}, { latentShape: shape, tokens: 24 });
    again.restore(transform.state());
    const [a, b] = [values.slice(), values.slice()];
    (await transform.host())!.forward(a);
    (await again.host())!.forward(b);
    expect(b).toEqual(a);
    transform.dispose();
    again.dispose();
  });
});

describe("the identity", () => {
  it.each([none, standardize])("$id leaves latents as they are, and has one block", async (plugin) => {
    const context = { latentShape: shape, tokens: 24 };
    expect(plugin.layout({}, context)).toEqual({ block: [8, 12], blocks: 1, decorrelated: false });
    const transform = await plugin.create({}, context);
    const latents = tf.tensor4d(values50(), [2, 8, 12, 3]);
    expect(await transform.forward(latents).data()).toEqual(await latents.data());
    expect(await transform.inverse(latents).data()).toEqual(await latents.data());
    expect(await transform.host()).toBeNull();
    expect(transform.state()).toEqual({});
  });
  const values50 = (): Float32Array => normals(2 * size);
});

it("dct-klt alone is measured for `auto`, beside no transform", () => {
  const candidates = [none, standardize, dct, pca, dctKlt].filter(({ candidate }) => candidate);
  expect(candidates).toEqual([dctKlt]);
});
