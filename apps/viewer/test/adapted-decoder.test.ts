/** Images that the page makes of ids come from the tokenizer's own decoder. */
import { linear } from "@revq/backbone-linear";
import { createRandom, quietContext, type NamedTensors } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { identity } from "@revq/rectifier-identity";
import { createAdaptedDecoder, LatentSpace, Standardizer, Tokenizer, type TokenizerConfig } from "@revq/tokenizer";
import { none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeIds, type OpenSlot } from "../src/worker/run.js";

const side = 16;
const latentShape = { channels: 3, height: 2, width: 2 };
let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
});
afterAll(() => engine.dispose());

/** Standardizing changes nothing; the mean of the patches is black, that of the adapted decoder white. */
async function makeTokenizer(): Promise<Tokenizer> {
  const options = { patch: 8, channels: 3 };
  const state = { mean: tf.fill([192], -1), basis: tf.zeros([3, 192]) };
  const backbone = await linear.create(options, { imageSize: side, state });
  const tensors = { mean: tf.ones([192]) };
  const create = (all: NamedTensors) => linear.create(options, { imageSize: side, state: all });
  const decoder = await createAdaptedDecoder({ backbone, mode: "all", tensors, create });
  tf.dispose([state, tensors]);
  const transform = await none.create({}, { latentShape, tokens: 4 });
  const statistics = { mean: new Float32Array(12), std: new Float32Array(12).fill(1) };
  const space = new LatentSpace(Standardizer.fromStatistics(latentShape, statistics), transform, {
    id: "standardized",
  });
  const quantizer = await multigroup.create(
    { tokens: 4, codes: 2, split: "spatial", groups: "token", iterations: 1, init: "sample", samplesPerCode: 1 },
    { latentShape, transform: transform.layout },
  );
  const latents = {
    shape: latentShape,
    count: 4,
    read: async (rows: ArrayLike<number>) => Float32Array.from({ length: rows.length * 12 }, (_, i) => Math.sin(i)),
  };
  await quantizer.fit(latents, quietContext(createRandom(1)));
  const rectifier = await identity.create({}, { latentShape, random: createRandom(2) });
  const config = { imageSize: side } as TokenizerConfig;
  return new Tokenizer({ config, latentShape, backbone, space, quantizer, rectifier, decoder });
}

it("decodes ids with an adapted decoder", async () => {
  const before = tf.memory().numTensors;
  const tokenizer = await makeTokenizer();
  const description = { footprints: { starts: new Int32Array(5), indices: new Int32Array() } };
  const slot = { tokenizer, description, original: null } as unknown as OpenSlot;
  const ids = Int32Array.of(0, 1, 0, 1);
  const context = { signal: new AbortController().signal, emit: () => {}, rest: async () => {} };
  const request = { slot: "a", ids, stages: ["rectified", "quantized"], score: false } as const;
  const { images } = await decodeIds(slot, request, context);
  for (const { image } of images) expect(new Set(image.data)).toEqual(new Set([255]));
  expect(images.map(({ stage }) => stage)).toEqual(["rectified", "quantized"]);
  tokenizer.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
