/** Fitting, drawing and resetting codebooks against closed forms and against the plain definition. */
import {
  RevqError,
  createRandom,
  latentSize,
  parseOptions,
  quietContext,
  tokenOrder,
  type LatentShape,
  type Quantizer,
  type TokenSplit,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { multigroup, type MultigroupInput } from "../src/index.js";
import { create as createQuantizer, sourceOf } from "./support.js";

beforeAll(() => tf.setBackend("cpu"));
const created: Quantizer[] = [];
afterEach(() => created.splice(0).forEach((quantizer) => quantizer.dispose()));

async function create(options: MultigroupInput, latentShape: LatentShape): Promise<Quantizer> {
  const quantizer = await createQuantizer(options, latentShape);
  created.push(quantizer);
  return quantizer;
}

function normals(count: number, seed = 1): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => random.normal());
}

const shape: LatentShape = { channels: 4, height: 4, width: 4 };
const size = latentSize(shape);

describe("groups", () => {
  const groupOf = (options: MultigroupInput): number[] => {
    const given = parseOptions(multigroup, { codes: 2, split: "channel", ...options });
    return [...multigroup.layout(given, shape).layout.groupOf];
  };
  it("are the tokens themselves, t % G, or the channels", () => {
    expect(groupOf({ tokens: 8, groups: "token" })).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(groupOf({ tokens: 8, groups: 3 })).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    expect(groupOf({ tokens: 8, groups: "channel" })).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(groupOf({ tokens: 8, groups: "channel", split: "block" })).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(groupOf({ tokens: 2, groups: "channel" })).toEqual([0, 1]);
  });
  it("of the split spatial are the runs of a position", () => {
    expect(groupOf({ tokens: 32, groups: "channel", split: "spatial" })).toEqual(
      Array.from({ length: 32 }, (_, t) => t % 2),
    );
    expect(groupOf({ tokens: 8, groups: "channel", split: "spatial" })).toEqual(new Array<number>(8).fill(0));
  });
  it("are refused where tokens straddle channels or are fewer than groups", async () => {
    const odd = { channels: 3, height: 2, width: 2 };
    await expect(create({ tokens: 2, codes: 2, split: "channel", groups: "channel" }, odd)).rejects.toThrow(
      /do not line up/,
    );
    await expect(create({ tokens: 4, codes: 2, split: "channel", groups: 5 }, shape)).rejects.toThrow(
      /5 groups .* 4 tokens/,
    );
  });
  it("must be resolved before `create`", async () => {
    await expect(create({}, shape)).rejects.toThrow(/while tokens, codes, split, groups is open/);
    await expect(create({ tokens: 4, codes: 2, split: "channel", groups: "auto" }, shape)).rejects.toThrow(RevqError);
  });
});

describe.each<{ split: TokenSplit; groups: "token" | "channel" | 3 }>([
  { split: "channel", groups: "token" },
  { split: "channel", groups: "channel" },
  { split: "block", groups: "channel" },
  { split: "spatial", groups: "channel" },
  { split: "spatial", groups: 3 },
])("split $split, groups $groups", ({ split, groups }) => {
  const options: MultigroupInput = { tokens: 16, codes: 5, split, groups, iterations: 4 };

  it("picks the nearest code of the token's group and puts it where the token was", async () => {
    const quantizer = await create(options, shape);
    const latents = normals(3 * size, 2);
    await quantizer.gradients!.initialize(sourceOf(shape, normals(20 * size)), createRandom(3));
    const codes = await quantizer.quantize(tf.tensor4d(latents, [3, 4, 4, 4]));
    const output = await quantizer.dequantize(codes).data();
    const [ids, codebooks] = [await codes.data(), await quantizer.state()["codebooks"]!.data()];
    const order = tokenOrder(shape, 16, split);
    for (let row = 0; row < 3 * 16; row++) {
      const group = quantizer.layout.groupOf[row % 16]!;
      const place = (i: number): number => Math.floor(row / 16) * size + order[(row % 16) * 4 + i]!;
      const code = (k: number, i: number): number => codebooks[(group * 5 + k) * 4 + i]!;
      const distance = (k: number): number =>
        [0, 1, 2, 3].reduce((sum, i) => sum + (latents[place(i)]! - code(k, i)) ** 2, 0);
      const nearest = [0, 1, 2, 3, 4].reduce((best, k) => (distance(k) < distance(best) ? k : best), 0);
      expect(ids[row]).toBe(nearest);
      for (let i = 0; i < 4; i++) expect(output[place(i)]).toBe(code(nearest, i));
    }
  });

  it("fits: the error of the passes falls, and the last one is that of the codebooks", async () => {
    const quantizer = await create(options, shape);
    const values = normals(50 * size);
    const { passes } = await quantizer.fit(sourceOf(shape, values), quietContext(createRandom(4)));
    expect(passes.length).toBeGreaterThan(1);
    expect(passes.length).toBeLessThanOrEqual(5);
    for (let i = 1; i < passes.length; i++) expect(passes[i]!.mse).toBeLessThanOrEqual(passes[i - 1]!.mse + 1e-6);
    expect(passes.at(-1)!.usage).toBe(1);

    const latents = tf.tensor4d(values, [50, 4, 4, 4]);
    const output = quantizer.dequantize(await quantizer.quantize(latents));
    const mse = (await tf.mean(tf.square(tf.sub(output, latents))).data())[0]!;
    expect(passes.at(-1)!.mse).toBeCloseTo(mse, 5);
  });
});

describe("fit", () => {
  it("finds the points that the tokens are", async () => {
    const one: LatentShape = { channels: 2, height: 1, width: 2 };
    const points = [
      [-3, 1],
      [0, 5],
      [4, -2],
    ] as const;
    const random = createRandom(9);
    const values = new Float32Array(60 * 4);
    for (let n = 0; n < 60; n++) {
      for (let c = 0; c < 2; c++) {
        const point = points[random.integer(3)]!;
        for (let x = 0; x < 2; x++) values[n * 4 + x * 2 + c] = point[x]! * (c + 1);
      }
    }
    const options = { tokens: 2, codes: 3, split: "channel", groups: "token", init: "kmeans++" } as const;
    const quantizer = await create(options, one);
    const { passes } = await quantizer.fit(sourceOf(one, values), quietContext(createRandom(1)));
    expect(passes.at(-1)).toEqual({ mse: 0, usage: 1 });
    const codebooks = [...(await quantizer.state()["codebooks"]!.data())];
    for (const group of [0, 1]) {
      const found = [0, 1, 2].map((code) => codebooks.slice((group * 3 + code) * 2, (group * 3 + code) * 2 + 2).join());
      expect(found.sort()).toEqual(points.map((point) => point.map((number) => number * (group + 1)).join()).sort());
    }
  });

  it("uses at most `samplesPerCode` samples per code, and is the same for the same seed", async () => {
    const run = async (seed: number): Promise<[number[], number]> => {
      const quantizer = await create({ tokens: 16, codes: 2, split: "channel", groups: 5, samplesPerCode: 20 }, shape);
      let searches = 0;
      await quantizer.fit(sourceOf(shape, normals(30 * size)), {
        ...quietContext(createRandom(seed)),
        report: ({ phase, total }) => (searches = phase === "fit codebooks" ? total : searches),
      });
      return [[...(await quantizer.state()["codebooks"]!.data())], searches];
    };
    const [first, searches] = await run(1);
    expect(searches).toBe(5 * 20 * 2 * 21);
    expect((await run(1))[0]).toEqual(first);
    expect((await run(2))[0]).not.toEqual(first);
  });

  it("stops with the signal's reason and refuses an empty source", async () => {
    const quantizer = await create({ tokens: 16, codes: 2, split: "channel", groups: "token" }, shape);
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    const context = { ...quietContext(createRandom(1)), signal: stop.signal };
    await expect(quantizer.fit(sourceOf(shape, normals(5 * size)), context)).rejects.toThrow("enough");
    await expect(quantizer.fit(sourceOf(shape, new Float32Array(0)), quietContext(createRandom(1)))).rejects.toThrow(
      RevqError,
    );
  });

  it("refuses a latent that is not a number", async () => {
    const values = normals(5 * size);
    values[77] = NaN;
    const quantizer = await create({ tokens: 16, codes: 2, split: "channel", groups: "token" }, shape);
    await expect(quantizer.fit(sourceOf(shape, values), quietContext(createRandom(1)))).rejects.toThrow(/NaN/);
    await expect(quantizer.quantize(tf.tensor4d(values, [5, 4, 4, 4]))).rejects.toThrow(/NaN/);
  });
});

describe("initialize", () => {
  it("draws tokens of the group with replacement, each group for itself", async () => {
    const values = Float32Array.from({ length: 10 * size }, (_, i) => i);
    const quantizer = await create({ tokens: 64, codes: 10, split: "channel", groups: "token" }, shape);
    await quantizer.gradients!.initialize(sourceOf(shape, values), createRandom(1));
    const codebooks = await quantizer.state()["codebooks"]!.data();
    const order = tokenOrder(shape, 64, "channel");
    const draws = Array.from({ length: 64 }, (_, group) => [...codebooks.slice(group * 10, group * 10 + 10)]);
    draws.forEach((codes, group) => expect(codes.every((code) => code % size === order[group])).toBe(true));
    const samples = draws.map((codes) => codes.map((code) => Math.floor(code / size)));
    expect(new Set(samples.map(String)).size).toBeGreaterThan(60);
    // Ten draws out of ten hit 10 (1 - .9^10) = 6.5 different ones on average; over 64 groups the mean is within .4 of that.
    const distinct = samples.reduce((sum, drawn) => sum + new Set(drawn).size, 0) / 64;
    expect(Math.abs(distinct - 6.51)).toBeLessThan(0.4);
  });

  it("works where a group has fewer tokens than codes", async () => {
    const values = normals(3 * size);
    const quantizer = await create({ tokens: 16, codes: 8, split: "channel", groups: "token" }, shape);
    await quantizer.gradients!.initialize(sourceOf(shape, values), createRandom(1));
    const codebooks = await quantizer.state()["codebooks"]!.data();
    const source = (await sourceOf(shape, values).read([0, 1, 2])).slice();
    const tokens = [0, 1, 2].map((n) => [0, 1, 2, 3].map((x) => source[n * size + x * 4]).join());
    for (let code = 0; code < 8; code++) expect(tokens).toContain(codebooks.slice(code * 4, code * 4 + 4).join());
  });
});

describe("training", () => {
  it("is offered, and the reset at the end of an epoch changes unused codes only", async () => {
    const quantizer = await create({ tokens: 16, codes: 10, split: "channel", groups: "channel" }, shape);
    expect(quantizer.gradients).toBeDefined();
    await quantizer.gradients!.initialize(sourceOf(shape, normals(20 * size)), createRandom(1));
    const before = (await quantizer.state()["codebooks"]!.data()).slice();
    const counts = new Int32Array(40).fill(5);
    counts[3] = counts[7] = counts[9] = 0; // three unused in the first group, of which 0.2 K = 2 are replaced
    expect(await quantizer.gradients!.replaceUnusedCodes(counts, createRandom(2))).toBe(2);
    const after = await quantizer.state()["codebooks"]!.data();
    const changed = new Set<number>();
    after.forEach((value, i) => value !== before[i] && changed.add(Math.floor(i / 4)));
    expect([...changed]).toEqual([7, 9]);
    expect(await quantizer.gradients!.replaceUnusedCodes(new Int32Array(40).fill(1), createRandom(2))).toBe(0);
  });

  it("searches the codebooks of now after a variable was assigned", async () => {
    const quantizer = await create({ tokens: 16, codes: 2, split: "channel", groups: "token" }, shape);
    const latents = tf.ones([1, 4, 4, 4]) as tf.Tensor4D;
    const [codebooks] = quantizer.gradients!.variables;
    codebooks!.assign(tf.stack([tf.zeros([16, 4]), tf.ones([16, 4])], 1));
    expect([...(await (await quantizer.quantize(latents)).data())]).toEqual(new Array<number>(16).fill(1));
    codebooks!.assign(tf.stack([tf.ones([16, 4]), tf.zeros([16, 4])], 1));
    expect([...(await (await quantizer.quantize(latents)).data())]).toEqual(new Array<number>(16).fill(0));
  });

  it("refuses a state of another shape", async () => {
    const quantizer = await create({ tokens: 16, codes: 2, split: "channel", groups: "token" }, shape);
    expect(() => quantizer.restore({})).toThrow(/no tensor "codebooks"/);
    expect(() => quantizer.restore({ codebooks: tf.zeros([16, 3, 4]) })).toThrow(/expected \[16,2,4\]/);
  });
});
