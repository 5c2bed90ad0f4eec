/** The record of ids, against closed forms: every quantizer, every split, every transform. */
import "@tensorflow/tfjs-backend-cpu";
import {
  createRandom,
  latentSize,
  parseOptions,
  quietContext,
  sharedTokenLayout,
  type LatentShape,
  type QuantizerPlugin,
  type TransformPlugin,
} from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import { fsq } from "@revq/quantizer-fsq";
import { bsq, lfq } from "@revq/quantizer-lfq";
import { multigroup } from "@revq/quantizer-multigroup";
import { residual } from "@revq/quantizer-residual";
import { tokenbridge } from "@revq/quantizer-tokenbridge";
import { vq } from "@revq/quantizer-vq";
import { dct, dctKlt, none, pca, standardize } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createVocabulary,
  jsonText,
  tokenRecord,
  vocabularySchema,
  type DescribedTokens,
  type TokenRecord,
} from "../src/index.js";

/** Images of 64 pixels. */
const small: LatentShape = { channels: 4, height: 8, width: 8 };
/** Images of 128 pixels, in four blocks of 8 x 8 positions. */
const large: LatentShape = { channels: 2, height: 16, width: 16 };

type Options = Readonly<Record<string, unknown>>;

function tokensOf(
  plugin: QuantizerPlugin,
  raw: Options,
  latentShape: LatentShape,
  transformPlugin: TransformPlugin = none,
): DescribedTokens {
  const { layout } = plugin.layout(parseOptions(plugin, raw), latentShape);
  const transform = transformPlugin.layout({}, { latentShape, tokens: layout.count })!;
  return { layout, latentShape, transform, imageSize: latentShape.width * 8 };
}

interface Expected {
  readonly shape: readonly [number, number, number];
  readonly patch: readonly [number, number];
  readonly order: string | null;
  /** Row, column and index in the cell of a token. */
  readonly at: (token: number) => readonly [number, number, number];
}

function expectGrid({ grid, tokens }: TokenRecord, { shape, patch, order, at }: Expected): void {
  expect(grid).not.toBeNull();
  expect([grid!.shape, grid!.patch, grid!.order]).toEqual([shape, patch, order]);
  expect(grid!.pixels).toEqual([patch[0] * 8, patch[1] * 8]);
  const flat = ([row, column, depth]: readonly [number, number, number]): number =>
    (row * shape[1] + column) * shape[2] + depth;
  expect(grid!.positions).toEqual(Array.from({ length: tokens }, (_, token) => flat(at(token))));
  expect([...grid!.positions].sort((a, b) => a - b)).toEqual([...Array(tokens).keys()]);
}

const div = Math.floor;

describe("the grid of tokens", () => {
  const mg = { codes: 16, groups: "token" };
  const cases: { name: string; plugin: QuantizerPlugin; options: Options; expected: Expected }[] = [
    {
      name: "multigroup, channel, half rows",
      plugin: multigroup,
      options: { ...mg, tokens: 64, split: "channel" },
      expected: {
        ...{ shape: [8, 2, 4], patch: [1, 4], order: "channel, row, column" },
        at: (t) => [div(t / 2) % 8, t % 2, div(t / 16)],
      },
    },
    {
      name: "multigroup, channel, two rows",
      plugin: multigroup,
      options: { ...mg, tokens: 16, split: "channel" },
      expected: { shape: [4, 1, 4], patch: [2, 8], order: "channel, row", at: (t) => [t % 4, 0, div(t / 4)] },
    },
    {
      name: "multigroup, channel, whole channels",
      plugin: multigroup,
      options: { ...mg, tokens: 4, split: "channel" },
      expected: { shape: [1, 1, 4], patch: [8, 8], order: "channel", at: (t) => [0, 0, t] },
    },
    {
      name: "multigroup, channel, pairs of channels",
      plugin: multigroup,
      options: { ...mg, tokens: 2, split: "channel" },
      expected: { shape: [1, 1, 2], patch: [8, 8], order: "part", at: (t) => [0, 0, t] },
    },
    {
      name: "multigroup, one token",
      plugin: multigroup,
      options: { ...mg, tokens: 1, split: "channel" },
      expected: { shape: [1, 1, 1], patch: [8, 8], order: "one token", at: () => [0, 0, 0] },
    },
    {
      name: "multigroup, block",
      plugin: multigroup,
      options: { ...mg, tokens: 16, split: "block" },
      expected: {
        ...{ shape: [2, 2, 4], patch: [4, 4], order: "channel, row, column" },
        at: (t) => [div(t / 2) % 2, t % 2, div(t / 4)],
      },
    },
    {
      name: "multigroup, spatial, half the channels",
      plugin: multigroup,
      options: { ...mg, tokens: 128, split: "spatial", groups: "channel" },
      expected: {
        ...{ shape: [8, 8, 2], patch: [1, 1], order: "row, column, part" },
        at: (t) => [div(t / 16), div(t / 2) % 8, t % 2],
      },
    },
    {
      name: "multigroup, spatial, two positions",
      plugin: multigroup,
      options: { ...mg, tokens: 32, split: "spatial" },
      expected: { shape: [8, 4, 1], patch: [1, 2], order: "row, column", at: (t) => [div(t / 4), t % 4, 0] },
    },
    {
      name: "multigroup, patch",
      plugin: multigroup,
      options: { ...mg, tokens: 16, split: "patch", groups: "channel" },
      expected: { shape: [4, 4, 1], patch: [2, 2], order: "row, column", at: (t) => [div(t / 4), t % 4, 0] },
    },
    {
      name: "residual: stages of a patch",
      plugin: residual,
      options: { split: "patch", depth: 4, tokens: 64 },
      expected: {
        ...{ shape: [4, 4, 4], patch: [2, 2], order: "row, column, stage" },
        at: (t) => [div(t / 16), div(t / 4) % 4, t % 4],
      },
    },
    {
      name: "vq: the whole channel vector of a position",
      plugin: vq,
      options: { split: "spatial" },
      expected: { shape: [8, 8, 1], patch: [1, 1], order: "row, column", at: (t) => [div(t / 8), t % 8, 0] },
    },
    {
      name: "residual: stages of a position",
      plugin: residual,
      options: { split: "spatial", depth: 3 },
      expected: {
        ...{ shape: [8, 8, 3], patch: [1, 1], order: "row, column, stage" },
        at: (t) => [div(t / 24), div(t / 3) % 8, t % 3],
      },
    },
    {
      name: "residual: stages of a row of a channel",
      plugin: residual,
      options: { split: "channel", depth: 2, tokens: 64 },
      expected: {
        ...{ shape: [8, 1, 8], patch: [1, 8], order: "channel, row, stage" },
        at: (t) => [div(t / 2) % 8, 0, div(t / 16) * 2 + (t % 2)],
      },
    },
    {
      name: "fsq: half rows",
      plugin: fsq,
      options: { split: "channel" },
      expected: {
        ...{ shape: [8, 2, 4], patch: [1, 4], order: "channel, row, column" },
        at: (t) => [div(t / 2) % 8, t % 2, div(t / 16)],
      },
    },
    ...[lfq, bsq].map((plugin) => ({
      name: `${plugin.id}: rows`,
      plugin,
      options: { split: "channel" },
      expected: {
        ...({ shape: [8, 1, 4], patch: [1, 8], order: "channel, row" } as const),
        at: (t: number) => [t % 8, 0, div(t / 8)] as const,
      },
    })),
    {
      name: "tokenbridge: every element",
      plugin: tokenbridge,
      options: {},
      expected: {
        ...{ shape: [8, 8, 4], patch: [1, 1], order: "row, column, channel" },
        at: (t) => [div(t / 32), div(t / 4) % 8, t % 4],
      },
    },
  ];

  it.each(cases)("$name", ({ plugin, options, expected }) => {
    for (const transform of [none, standardize])
      expectGrid(tokenRecord(tokensOf(plugin, options, small, transform)), expected);
  });

  it.each([multigroup, vq, residual, fsq, lfq, bsq])(
    "$id, eigenvalue: components of a block, for every transform",
    (plugin) => {
      const depth = plugin === residual ? 2 : 1;
      const fixed = plugin === multigroup ? { codes: 16, groups: 4 } : plugin === residual ? { depth } : {};
      const options = { ...fixed, tokens: 64 * depth, split: "eigenvalue" };
      for (const transform of [dct, pca, dctKlt])
        expectGrid(tokenRecord(tokensOf(plugin, options, large, transform)), {
          shape: [2, 2, 16 * depth],
          patch: [8, 8],
          order: `row, column, component${depth > 1 ? ", stage" : ""}`,
          at: (t) => [div(t / (32 * depth)), div(t / (16 * depth)) % 2, t % (16 * depth)],
        });
      expectGrid(tokenRecord(tokensOf(plugin, options, large, none)), {
        ...{ shape: [1, 1, 64 * depth], patch: [16, 16], order: `component${depth > 1 ? ", stage" : ""}` },
        at: (t) => [0, 0, t],
      });
    },
  );

  it("strips of coefficients belong to their block; no list of axes says their order", () => {
    const options = { codes: 16, groups: "token", tokens: 64, split: "channel" };
    for (const transform of [dct, pca, dctKlt])
      expectGrid(tokenRecord(tokensOf(multigroup, options, large, transform)), {
        ...{ shape: [2, 2, 16], patch: [8, 8], order: null },
        at: (t) => {
          const [channel, row, half] = [div(t / 32), div(t / 2) % 16, t % 2];
          return [div(row / 8), half, channel * 8 + (row % 8)];
        },
      });
  });

  it("there is none for strips over the ends of rows, for tokens that straddle positions, and where a plugin does not tell", () => {
    const odd: LatentShape = { channels: 3, height: 2, width: 6 };
    const options = { codes: 4, groups: "token" };
    for (const [tokens, split] of [
      [9, "channel"],
      [18, "spatial"],
    ] as const)
      expect(tokenRecord(tokensOf(multigroup, { ...options, tokens, split }, odd)).grid).toBeNull();
    const untold = { ...tokensOf(vq, {}, small), layout: sharedTokenLayout(64, 16) };
    expect(tokenRecord(untold).grid).toBeNull();
  });

  describe("is where the quantizer puts a token", () => {
    beforeAll(async () => {
      await tf.setBackend("cpu");
    });
    const shape: LatentShape = { channels: 2, height: 4, width: 4 };

    it.each<{ plugin: QuantizerPlugin; options: Options }>([
      { plugin: multigroup, options: { tokens: 16, codes: 4, groups: "channel", split: "channel" } },
      { plugin: multigroup, options: { tokens: 8, codes: 4, groups: "channel", split: "block" } },
      { plugin: multigroup, options: { tokens: 8, codes: 4, groups: "channel", split: "spatial" } },
      { plugin: multigroup, options: { tokens: 4, codes: 4, groups: "channel", split: "patch" } },
      { plugin: residual, options: { codes: 4, tokens: 8, split: "patch" } },
      { plugin: vq, options: { codes: 4 } },
      { plugin: residual, options: { codes: 4, tokens: 32, split: "channel" } },
      { plugin: fsq, options: {} },
      { plugin: lfq, options: { tokens: 8, split: "block" } },
      { plugin: tokenbridge, options: {} },
    ])("$plugin.id $options", async ({ plugin, options }) => {
      const random = createRandom(1);
      const values = Float32Array.from({ length: 64 * latentSize(shape) }, () => random.normal());
      const latents = inMemoryLatents(shape, values);
      const transform = await none.create({}, { latentShape: shape, tokens: 1 });
      const context = { latentShape: shape, transform: transform.layout };
      const quantizer = await plugin.create(parseOptions(plugin, options), context);
      await quantizer.fit(latents, quietContext(random));
      const { layout } = quantizer;
      const { grid } = tokenRecord({ layout, ...context, imageSize: null });
      const [, columns, depth] = grid!.shape;
      const [patchRows, patchColumns] = grid!.patch;
      const decode = (ids: Int32Array): Float32Array =>
        tf.tidy(() => quantizer.dequantize(tf.tensor2d(ids, [1, layout.count], "int32")).dataSync() as Float32Array);
      const before = decode(new Int32Array(layout.count));
      for (let token = 0; token < layout.count; token++) {
        const after = decode(new Int32Array(layout.count).fill(1, token, token + 1));
        const cell = div(grid!.positions[token]! / depth);
        const changed = [...after.keys()].filter((i) => after[i] !== before[i]);
        expect(changed.length).toBeGreaterThan(0);
        for (const i of changed) {
          const [y, x] = [div(i / shape.channels / shape.width), div(i / shape.channels) % shape.width];
          expect(div(y / patchRows) * columns + div(x / patchColumns)).toBe(cell);
        }
      }
      quantizer.dispose();
    });
  });
});

describe("a vocabulary", () => {
  const tokens = tokensOf(
    multigroup,
    { tokens: 1024, codes: 1024, groups: 8, split: "channel" },
    {
      channels: 8,
      height: 32,
      width: 32,
    },
  );

  it("is as large as all codebooks, or as all positions, or as the largest codebook", () => {
    const sizes = (["codes", "groups", "positions"] as const).map((form) => createVocabulary(tokens, form).size);
    expect(sizes).toEqual([1024, 8 * 1024, 1024 * 1024]);
    const { offsets, layout } = createVocabulary(tokens, "groups");
    expect(offsets.slice(0, 9)).toEqual([0, 1024, 2048, 3072, 4096, 5120, 6144, 7168, 0]);
    expect(layout.codebookOffsets).toEqual([0, 1024, 2048, 3072, 4096, 5120, 6144, 7168]);
    expect(layout.groupOf).toEqual(Array.from({ length: 1024 }, (_, t) => t % 8));
    expect(createVocabulary(tokensOf(vq, {}, small), "groups").size).toBe(1024);
  });

  it("reserves special ids behind the codes, in the order given", () => {
    const reserve = [
      { name: "bos", count: 1 },
      { name: "mask", count: 1 },
      { name: "classes", count: 1000 },
    ];
    const { codes, size, special } = createVocabulary(tokens, "groups", reserve);
    expect([codes, size]).toEqual([8192, 8192 + 1002]);
    expect(special).toEqual({
      bos: { first: 8192, count: 1 },
      mask: { first: 8193, count: 1 },
      classes: { first: 8194, count: 1000 },
    });
    expect(createVocabulary(tokens, "codes", reserve).special["bos"]).toEqual({ first: 1024, count: 1 });
  });

  it.each([
    [[{ name: "BOS", count: 1 }]],
    [[{ name: "bos", count: 0 }]],
    [[{ name: "bos", count: 1.5 }]],
    [[{ name: "", count: 1 }]],
    [
      [
        { name: "bos", count: 1 },
        { name: "bos", count: 1 },
      ],
    ],
  ])("refuses to reserve %j", (reserve) => {
    expect(() => createVocabulary(tokens, "groups", reserve)).toThrow(
      expect.objectContaining({ code: "reserved-ids" }) as Error,
    );
  });

  it("has at most 2^31 ids", () => {
    const max = 2 ** 31 - 8192;
    expect(createVocabulary(tokens, "groups", [{ name: "x", count: max }]).size).toBe(2 ** 31);
    expect(() => createVocabulary(tokens, "groups", [{ name: "x", count: max + 1 }])).toThrow(/2\^31/);
  });

  it("is JSON that comes back, with lists of numbers on one line", () => {
    const vocabulary = createVocabulary(tokens, "positions", [{ name: "constructor", count: 2 }]);
    const text = jsonText(vocabulary);
    expect(vocabularySchema.parse(JSON.parse(text))).toEqual(vocabulary);
    expect(text.split("\n").length).toBeLessThan(40);
  });
});

describe("jsonText", () => {
  it.each([
    [{ a: [1, -2.5, 3e-7], b: [], c: [[1], [2, 3]], d: ["[1, 2]", 3], e: [{ f: [0] }], g: null }],
    ["[\n 1,\n 2\n]"],
    [[]],
  ])("says the same as JSON.stringify: %j", (value) => {
    expect(JSON.parse(jsonText(value))).toEqual(value);
  });
});
