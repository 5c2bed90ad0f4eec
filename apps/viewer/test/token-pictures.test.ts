/** Tokens as pictures: what a group says beside the others, and its colours. */
import { createEngine, type Engine } from "@revq/engine";
import { lfq } from "@revq/quantizer-lfq";
import { multigroup } from "@revq/quantizer-multigroup";
import { residual } from "@revq/quantizer-residual";
import { LatentSpace, Standardizer } from "@revq/tokenizer";
import { dct, none } from "@revq/transform-block";
import type { Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { channelLast, findFootprints, latentsOf, type LatentDecoder } from "../src/worker/footprints.js";
import { groupDeviations, groupMaps } from "../src/worker/group-maps.js";
import { colourPicture, divergingPicture, fitBasis, mainComponent } from "../src/worker/latent-colours.js";
import { tokenReport } from "../src/worker/token-report.js";
import { boxAround, tokensAt, type Box } from "../src/page/token-boxes.js";

const shape = { channels: 2, height: 4, width: 4 };
const size = 32;
let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
});
afterAll(() => engine.dispose());

async function spaceOf(plugin: typeof none): Promise<LatentSpace> {
  const statistics = { mean: new Float32Array(size), std: new Float32Array(size).fill(1) };
  const transform = await plugin.create({}, { latentShape: shape, tokens: 4 });
  return new LatentSpace(Standardizer.fromStatistics(shape, statistics), transform, { id: "standardized" });
}

function wave(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + 1));
}

/** Codes that are told apart easily, in whatever form the quantizer keeps them. */
function fill(quantizer: Quantizer): void {
  const state = Object.entries(quantizer.state()).map(([name, { shape }]) => {
    const length = shape.reduce((product, side) => product * side, 1);
    return [name, tf.tensor(wave(length), shape)] as const;
  });
  quantizer.restore(Object.fromEntries(state));
  for (const [, tensor] of state) tensor.dispose();
}

/** The latents of every id of `group` in turn, the other groups at 0, as a mean by brute force. */
async function meanLatents(decoder: LatentDecoder, group: number): Promise<Float64Array> {
  const { count, codebookSizes, groupOf } = decoder.quantizer.layout;
  const mean = new Float64Array(size);
  for (let code = 0; code < codebookSizes[group]!; code++) {
    const ids = Int32Array.from({ length: count }, (_, t) => (groupOf[t] === group ? code : 0));
    const values = await latentsOf(decoder, ids, 1);
    values.forEach((value, i) => (mean[i]! += value / codebookSizes[group]!));
  }
  return mean;
}

const quantizers = {
  multigroup: (space: LatentSpace) =>
    multigroup.create(
      { tokens: 8, codes: 5, split: "spatial", groups: 2, iterations: 1, init: "sample", samplesPerCode: 1 },
      { latentShape: shape, transform: space.transform.layout },
    ),
  residual: (space: LatentSpace) =>
    residual.create(residual.options.parse({ tokens: 8, codes: 4, depth: 2, split: "spatial" }), {
      latentShape: shape,
      transform: space.transform.layout,
    }),
  lfq: (space: LatentSpace) =>
    lfq.create(lfq.options.parse({ tokens: 8, split: "spatial" }), {
      latentShape: shape,
      transform: space.transform.layout,
    }),
};

const combinations = (["multigroup", "residual", "lfq"] as const).flatMap((name) =>
  [none, dct].map((plugin) => [name, plugin.id, plugin] as const),
);

describe("what a token decides", () => {
  it.each(combinations)("is what changing it alone changes: %s, transform %s", async (name, _, plugin) => {
    const space = await spaceOf(plugin);
    const quantizer = await quantizers[name](space);
    fill(quantizer);
    const decoder = { latentShape: shape, space, quantizer };
    const { count, codebookSizes, groupOf } = quantizer.layout;
    const { starts, indices } = await findFootprints(decoder);
    const base = await latentsOf(decoder, new Int32Array(count), 1);
    for (let token = 0; token < count; token++) {
      const ids = new Int32Array(count);
      ids[token] = codebookSizes[groupOf[token]!]! - 1;
      const changed = await latentsOf(decoder, ids, 1);
      const expected = [...base.keys()].filter((index) => {
        const at = channelLast(index, shape);
        return changed[at] !== base[at];
      });
      expect([...indices.subarray(starts[token], starts[token + 1])]).toEqual(expected);
    }
    quantizer.dispose();
    space.dispose();
  });
});

describe("what a group says", () => {
  it.each(combinations)("is its latents with the others at their mean: %s, transform %s", async (name, _, plugin) => {
    const before = tf.memory().numTensors;
    const space = await spaceOf(plugin);
    const quantizer = await quantizers[name](space);
    fill(quantizer);
    const decoder = { latentShape: shape, space, quantizer };
    const { count, codebookSizes, groupOf } = quantizer.layout;
    const ids = Int32Array.from({ length: count }, (_, t) => (t * 7 + 1) % codebookSizes[groupOf[t]!]!);
    const means = new Map<number, Float32Array>();
    for (let group = 0; group < codebookSizes.length; group++) {
      const deviations = await groupDeviations(decoder, ids, group, means);
      const own = await latentsOf(
        decoder,
        ids.map((id, t) => (groupOf[t] === group ? id : 0)),
        1,
      );
      const mean = await meanLatents(decoder, group);
      deviations.forEach((value, i) => expect(value).toBeCloseTo(own[i]! - mean[i]!, 4));
    }
    const maps = await groupMaps(decoder, ids, [...codebookSizes.keys()], means);
    expect(maps.map(({ width, height }) => [width, height])).toEqual(codebookSizes.map(() => [4, 4]));
    quantizer.dispose();
    space.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("colours of latents", () => {
  const grid = { channels: 2, height: 2, width: 2 };
  // Positions vary along (3, 4) only: -2, -1, 1, 2 times that direction.
  const line = Float32Array.of(-6, -8, -3, -4, 3, 4, 6, 8);

  it("has the first principal component as brightness", () => {
    const { data } = colourPicture(line, grid, fitBasis(line, 2));
    const grey = [0, 4, 8, 12].map((at) => data[at]!);
    expect(grey).toEqual([...grey].sort((a, b) => a - b));
    expect(new Set(grey).size).toBe(4);
    // Nothing else varies, so there is no colour.
    for (let at = 0; at < 16; at += 4) expect([data[at + 1], data[at + 2]]).toEqual([data[at], data[at]]);
  });

  it("keeps the colours of a basis, so an edit changes only its place", () => {
    const basis = fitBasis(line, 2);
    const edited = line.slice();
    edited.set([0, 0], 6);
    const [a, b] = [colourPicture(line, grid, basis).data, colourPicture(edited, grid, basis).data];
    expect(b.subarray(0, 12)).toEqual(a.subarray(0, 12));
    expect(b.subarray(12)).not.toEqual(a.subarray(12));
  });

  it("puts the sign of the main component on a scale with white at the mean", () => {
    const component = mainComponent(Float32Array.of(0, 0, -3, -4, 3, 4, 6, 8), 2);
    expect([...component].map((value) => Math.round(value))).toEqual([0, -5, 5, 10]);
    const { data } = divergingPicture(component, { height: 2, width: 2 }, 10);
    expect([...data.subarray(0, 4)]).toEqual([255, 255, 255, 255]);
    expect(data[4]! < data[6]!).toBe(true); // blue
    expect(data[8]! > data[10]!).toBe(true); // red
    expect(data[13]! < data[9]!).toBe(true); // twice as far, stronger
  });
});

describe("the report of ids", () => {
  it("has the errors of these ids, and none without an image", () => {
    const one = { channels: 1, height: 1, width: 2 };
    const footprints = { starts: Int32Array.of(0, 1, 2), indices: Int32Array.of(0, 1) };
    const quantized = Float32Array.of(1, 4);
    const latents = { quantized, rectified: Float32Array.of(1, 2), seen: quantized, exact: Float32Array.of(1, 1) };
    const { tokenErrors, latentMse } = tokenReport(latents, one, footprints, null);
    expect([...tokenErrors!]).toEqual([0, 9]);
    expect(latentMse).toEqual({ quantized: 4.5, rectified: 0.5 });
    expect(tokenReport({ ...latents, exact: null }, one, footprints, null)).toMatchObject({
      tokenErrors: null,
      latentMse: null,
    });
  });
});

describe("places of tokens", () => {
  const half = (left: number): Box => ({ left, top: 0, right: left + 0.5, bottom: 1 });
  const boxes = [half(0), half(0.5), { left: 0, top: 0, right: 1, bottom: 1 }, null];

  it("finds the tokens of a place, and the place of tokens", () => {
    expect(tokensAt(boxes, 0.2, 0.5)).toEqual([0, 2]);
    expect(tokensAt(boxes, 0.5, 0)).toEqual([1, 2]);
    expect(boxAround(boxes, [0, 1])).toEqual(boxes[2]);
    expect(boxAround(boxes, [3])).toBeNull();
  });
});
