/** Transforms against closed forms: cosines, known axes, energy that stays, and the order that coefficients are dealt in. */
import "@tensorflow/tfjs-backend-cpu";
import { createRandom, latentSize, quietContext, type LatentShape } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { multigroup } from "../src/index.js";
import { dealCoefficients, tokenOfRank } from "../src/transform/balance.js";
import { blockCosines } from "../src/transform/dct.js";
import { fitTransform } from "../src/transform/fit-transform.js";
import { createForward } from "../src/transform/forward.js";
import { blockPlaces, findTransform, requireTransform, transforms } from "../src/transform/geometry.js";
import { cutBlocks, invertTransform } from "../src/transform/inverse.js";
import { sourceOf } from "./support.js";

beforeAll(() => tf.setBackend("cpu"));

const shape: LatentShape = { channels: 3, height: 8, width: 12 };
const size = latentSize(shape);
const random = createRandom(1);
const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());

describe("blocks", () => {
  const blockOf = (given: LatentShape, tokens: number, kind: (typeof transforms)[number] = "dct-klt") =>
    findTransform(kind, given, tokens)?.block;
  it("are up to 8 x 8 cells, as large as the number of tokens allows", () => {
    expect(blockOf({ channels: 32, height: 8, width: 8 }, 256)).toEqual([8, 8]);
    expect(blockOf({ channels: 16, height: 32, width: 32 }, 512)).toEqual([8, 8]);
    expect(blockOf({ channels: 16, height: 32, width: 32 }, 8)).toEqual([8, 16]);
    expect(blockOf({ channels: 3, height: 7, width: 5 }, 15)).toEqual([7, 5]);
    expect(blockOf({ channels: 4, height: 64, width: 64 }, 1)).toBeUndefined();
  });
  it("of pca mix at most 1024 numbers", () => {
    expect(blockOf({ channels: 32, height: 8, width: 8 }, 256, "pca")).toEqual([4, 8]);
  });
  it("hold every number of a latent once", () => {
    const places = blockPlaces(requireTransform("dct", shape, 24));
    expect([...places].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
  });
});

it("the DCT of a cosine is one coefficient", () => {
  const one: LatentShape = { channels: 1, height: 4, width: 8 };
  const forward = createForward(requireTransform("dct", one, 4), null);
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

  it("keeps energy, decorrelates what it was fitted on, and goes back", async () => {
    const { rotation, variances } = await fitTransform(sourceOf(shape, values), geometry, quietContext(random));
    const coefficients = values.slice();
    createForward(geometry, geometry.rotations.count ? rotation : null)(coefficients);
    const energy = (array: ArrayLike<number>): number => Array.from(array).reduce((sum, value) => sum + value ** 2, 0);
    expect(energy(coefficients) / energy(values)).toBeCloseTo(1, 5);
    expect(energy(variances.map(Math.sqrt)) * 50 * geometry.blocks).toBeCloseTo(energy(values), -1);

    const places = blockPlaces(geometry);
    const { count, dim } = geometry.rotations;
    for (let r = 0; r < count; r++) {
      let cross = 0;
      let own = 0;
      for (let n = 0; n < 50; n++)
        for (let b = 0; b < geometry.blocks; b++) {
          const at = (k: number): number =>
            coefficients[n * size + places[b * geometry.size + r * dim + k]!]! / Math.sqrt(50 * geometry.blocks);
          cross += at(0) * at(1);
          own += at(0) ** 2;
        }
      expect(Math.abs(cross)).toBeLessThan(1e-4);
      expect(own).toBeCloseTo(variances[r * dim]!, 3);
    }

    const back = tf.tidy(() => {
      const tensor = tf.tensor4d(coefficients, [50, 8, 12, 3]);
      const cells = geometry.block[0] * geometry.block[1];
      return invertTransform(
        geometry,
        cutBlocks(tensor, geometry),
        count ? tf.tensor(rotation, [count, dim, dim]) : undefined,
        kind === "pca" ? undefined : tf.tensor2d(Float32Array.from(blockCosines(...geometry.block)), [cells, cells]),
      );
    });
    (await back.data()).forEach((value, i) => expect(Math.abs(value - values[i]!)).toBeLessThan(1e-4));
    back.dispose();
  });
});

describe("dealing", () => {
  it("gives every token the same product of geometric variances, and neighbours like profiles", () => {
    const variances = Float64Array.from({ length: 32 }, (_, i) => 2 ** -i);
    const order = dealCoefficients(variances, 8);
    const products = Array.from({ length: 8 }, (_, token) =>
      order.subarray(token * 4, token * 4 + 4).reduce((sum, i) => sum + Math.log2(variances[i]!), 0),
    );
    expect(new Set(products)).toEqual(new Set([products[0]]));
    expect([...order.subarray(0, 4)]).toEqual([0, 15, 16, 31]);
    expect([...order].sort((a, b) => a - b)).toEqual([...variances.keys()]);
  });
  it("puts ranks that follow each other into one group", () => {
    const tokens = Array.from({ length: 12 }, (_, rank) => tokenOfRank(rank, 12, 3));
    expect(tokens.map((token) => token % 3)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect(new Set(tokens).size).toBe(12);
    expect(tokenOfRank(7, 12, 5)).toBe(7);
  });
});

it("latents whose cells are alike are quantized better with a transform than without, at equal bits", async () => {
  const given: LatentShape = { channels: 2, height: 8, width: 8 };
  const count = 300;
  const smooth = new Float32Array(count * 128);
  for (let i = 0; i < smooth.length; i++) {
    // A Gauss-Markov field: neighbours in a row and in a column are correlated by .9.
    const [y, x] = [Math.floor((i % 128) / 16), Math.floor((i % 16) / 2)];
    const [up, left, both] = [y > 0 ? smooth[i - 16]! : 0, x > 0 ? smooth[i - 2]! : 0, y && x ? smooth[i - 18]! : 0];
    smooth[i] = 0.9 * (up + left) - 0.81 * both + 0.19 * random.normal();
  }
  const errorOf = async (transform: "none" | "dct-klt"): Promise<number> => {
    const planned = multigroup.plan!({
      options: { transform, tokens: 16, codes: 16 },
      latentShape: given,
      samples: count,
    });
    const quantizer = multigroup.create(multigroup.options.parse(planned.options), { latentShape: given });
    const { passes } = await quantizer.fit(sourceOf(given, smooth), quietContext(createRandom(2)));
    quantizer.dispose();
    return passes.at(-1)!.mse;
  };
  const [plain, transformed] = [await errorOf("none"), await errorOf("dct-klt")];
  expect(transformed).toBeLessThan(0.9 * plain);
});
