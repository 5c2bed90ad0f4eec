/** The grid of tokens, against closed forms: every quantizer, every split, every transform. */
import "@tensorflow/tfjs-backend-cpu";
import {
  createRandom,
  latentSize,
  parseOptions,
  quietContext,
  sharedTokenLayout,
  type LatentShape,
  type QuantizerPlugin,
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
import { tokenRecord, type TokenRecord } from "../src/index.js";
import { large, small, tokensOf, type Options } from "./described-tokens.js";

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
