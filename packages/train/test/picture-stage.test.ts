/**
 * The picture stage with a toy decoder: it improves the score that selects, it can be stopped and
 * resumed, and it keeps what is best.
 */
import {
  createRandom,
  toNamedArrays,
  type Backbone,
  type LatentShape,
  type NamedArrays,
  type NamedTensors,
} from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { cnn } from "@revq/rectifier-cnn";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseDefaults, type RunConfig } from "../src/config/schema.js";
import { recipeDefaults } from "../src/config/recipes.js";
import { planAdapter } from "../src/decoder/adapter-shapes.js";
import { runPictureStage, type PictureStageInput, type PictureStageResult } from "../src/pictures/stage.js";
import type { PictureProgress } from "../src/run/checkpoints.js";
import type { PictureRecord } from "../src/run/records.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

const shape: LatentShape = { channels: 2, height: 8, width: 8 };
const size = 2 * 8 * 8;

/** A pixel is a mix of the two channels, one of them ten times as strong, through a tanh. */
function toyBackbone(): Backbone {
  const weights: NamedTensors = { "decoder.weight": tf.tensor2d([1, 1, -1, 0.1, -0.1, 0.1], [2, 3]) };
  const decode = (latents: Tensor4D, replaced: NamedTensors = {}): Tensor4D => {
    const [n, h, w] = latents.shape;
    const weight = (replaced["decoder.weight"] ?? weights["decoder.weight"]) as tf.Tensor2D;
    const pixels = tf.tanh(tf.mul(tf.matMul(tf.reshape(latents, [n * h * w, 2]), weight), 0.3));
    return tf.reshape(pixels, [n, h, w, 3]);
  };
  return {
    spec: { name: "toy", downsample: 1, latentChannels: 2, decodes: true },
    encode: () => Promise.reject(new Error("not needed")),
    decode: async (latents) => tf.tidy(() => decode(latents)),
    state: () => weights,
    gradients: {
      stages: [["decoder.weight"]],
      decode: (latents, replaced) => ({ images: decode(latents, replaced), features: [] }),
    },
    dispose: () => tf.dispose({ ...weights }),
  };
}

/** Smooth maps: neighbours are alike, so a rectifier can estimate what quantizing lost. */
function smoothLatents(count: number, seed: number) {
  const random = createRandom(seed);
  const values = new Float32Array(count * size);
  for (let n = 0; n < count; n++)
    for (let c = 0; c < 2; c++) {
      const [a, b, phase] = [random.normal(), random.normal(), random.uniform() * 6];
      for (let i = 0; i < 64; i++) {
        values[n * size + i * 2 + c] = Math.sin(phase + 0.3 * a * Math.floor(i / 8) + 0.3 * b * (i % 8)) * 1.4;
      }
    }
  const source = inMemoryLatents(shape, values);
  return { source, set: { standardized: source, coefficients: source } };
}

const settings = {
  ...structuredClone(baseDefaults.train),
  ...(recipeDefaults.kmeans(multigroup) as { train: object }).train,
  checkpointSteps: 4,
  picture: {
    ...baseDefaults.train.picture,
    crop: 4,
    batch: 4,
    learningRate: 0.01,
    decoderRate: 0.01,
    measureImages: 6,
    weights: { latent: 0.1, lpips: 1, features: 1, pixels: 50 },
  },
} as RunConfig["train"];

interface Outcome {
  readonly result: PictureStageResult;
  readonly records: readonly PictureRecord[];
  readonly arrays: NamedArrays;
}

interface Options {
  readonly steps?: number;
  readonly adapt?: boolean;
  readonly select?: PictureStageInput["select"];
  readonly learningRate?: number;
  readonly discriminator?: number;
  readonly stopAfter?: number;
  readonly resumed?: PictureStageInput["resumed"];
  readonly saved?: (progress: PictureProgress, arrays: NamedArrays) => void;
}

async function run(options: Options = {}): Promise<Outcome> {
  const { steps = 24, adapt = false, select = "psnr", learningRate = 0.01, stopAfter = Infinity } = options;
  const { discriminator = 0 } = options;
  const backbone = toyBackbone();
  const transform = { block: [8, 8], blocks: 1, decorrelated: false } as const;
  const quantizer = await multigroup.create(
    multigroup.options.parse({ tokens: 64, codes: 4, split: "channel", groups: "channel" }),
    { latentShape: shape, transform },
  );
  const random = createRandom(3);
  const rectifier = await cnn.create(cnn.options.parse({ channels: 8, layers: 1, outputSkip: true }), {
    latentShape: shape,
    random,
  });
  const [train, val] = [smoothLatents(24, 1), smoothLatents(8, 2)];
  const stop = new AbortController();
  await quantizer.fit(train.source, { random: random.fork("fit"), report: () => {}, signal: stop.signal });
  const records: PictureRecord[] = [...(options.resumed?.progress.records ?? [])];
  try {
    const result = await runPictureStage({
      codec: {
        quantizer,
        rectifier,
        space: { inverse: (x) => tf.clone(x), inMetric: (x) => tf.clone(x), unstandardize: (x) => tf.clone(x) },
      },
      train: train.set,
      val: val.set,
      latents: { train: train.source, val: val.source },
      photographs: null,
      backbone,
      lpips: null,
      adapter: adapt ? planAdapter("all", backbone.gradients!, backbone.state()) : null,
      settings: { ...settings, picture: { ...settings.picture, learningRate, discriminator } },
      select,
      steps: { pictures: steps, decoder: steps },
      budget: 0,
      context: {
        random,
        signal: stop.signal,
        report: ({ phase, done }) => {
          if (!phase.startsWith("score") && done >= stopAfter) stop.abort(new Error("stopped"));
        },
      },
      resumed: options.resumed ?? null,
      onRecord: async (record) => void records.push(record),
      save: async (progress, arrays) => options.saved?.(structuredClone(progress), structuredClone(arrays)),
      note: () => {},
    });
    return { result, records, arrays: structuredClone(await toNamedArrays(rectifier.state())) };
  } finally {
    quantizer.dispose();
    rectifier.dispose();
    backbone.dispose();
  }
}

describe("the picture stage", () => {
  it("improves the pictures, keeps the best model, and leaves no tensor behind", async () => {
    await run({ steps: 3 }); // the engine's own tensors
    const before = tf.memory().numTensors;
    const { result, records } = await run({ steps: 60 });
    expect(tf.memory().numTensors).toBe(before);
    expect(records.map(({ model }) => model)).toEqual(["identity", "latents", "pictures", "pictures"]);
    expect(records.map(({ pictureStep }) => pictureStep)).toEqual([0, 0, 30, 60]);
    expect(result.kept).toBe("pictures");
    expect(records[3]!.scores.psnr!).toBeGreaterThan(records[0]!.scores.psnr! + 0.5);
    expect(result.steps).toEqual({ pictures: 60 });
  });

  it("goes on with the decoder", async () => {
    const { result, records } = await run({ steps: 30, adapt: true });
    expect(records.map(({ model }) => model)).toEqual([
      "identity",
      "latents",
      ...Array<string>(2).fill("pictures"),
      ...Array<string>(2).fill("decoder"),
    ]);
    const best = (model: string): number =>
      Math.max(...records.filter((record) => record.model === model).map(({ scores }) => scores.psnr!));
    expect(best("decoder")).toBeGreaterThan(best("pictures"));
    expect(result.kept).toBe("decoder");
    expect(result.decoder!["decoder.weight"]!.shape).toEqual([2, 3]);
  });

  it("keeps no rectifier when nothing is better by the score", async () => {
    // A rate this high spoils the pictures.
    const { result } = await run({ steps: 6, learningRate: 3 });
    expect(result.kept).toBe("identity");
  });

  it.each([1, 4, 7, 12, 13, 18])("stopped after step %i and resumed ends with the same bits", async (stopAfter) => {
    const whole = await run({ steps: 12, adapt: true });
    let saved: PictureStageInput["resumed"] = null;
    const keep = (progress: PictureProgress, arrays: NamedArrays): void => void (saved = { progress, arrays });
    await expect(run({ steps: 12, adapt: true, stopAfter, saved: keep })).rejects.toThrow("stopped");
    const resumed = await run({ steps: 12, adapt: true, resumed: saved });
    expect(resumed.records).toEqual(whole.records);
    expect(resumed.arrays).toEqual(whole.arrays);
    expect(resumed.result.decoder).toEqual(whole.result.decoder);
  });

  it.each([13, 18, 22])("does so with a discriminator, after step %i of 12 and 12", async (stopAfter) => {
    const settings = { steps: 12, adapt: true, discriminator: 0.5 };
    const [whole, without] = [await run(settings), await run({ ...settings, discriminator: 0 })];
    let saved: PictureStageInput["resumed"] = null;
    const keep = (progress: PictureProgress, arrays: NamedArrays): void => void (saved = { progress, arrays });
    await expect(run({ ...settings, stopAfter, saved: keep })).rejects.toThrow("stopped");
    const resumed = await run({ ...settings, resumed: saved });
    expect(resumed.records).toEqual(whole.records);
    expect(resumed.arrays).toEqual(whole.arrays);
    expect(resumed.result.decoder).toEqual(whole.result.decoder);
    // It counts in the decoder's phase, from a quarter of it on.
    const scores = ({ records }: Outcome, phase: string) => records.filter(({ model }) => model === phase);
    expect(scores(without, "pictures")).toEqual(scores(whole, "pictures"));
    expect(scores(without, "decoder")).not.toEqual(scores(whole, "decoder"));
    expect(Object.keys(whole.result.decoder!)).toEqual(["decoder.weight"]);
  });

  it("leaves no tensor of a discriminator behind", async () => {
    const settings = { steps: 8, adapt: true, discriminator: 0.5 };
    await run(settings);
    const before = tf.memory().numTensors;
    await run(settings);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("stops when the loss is not finite", async () => {
    await expect(run({ steps: 40, learningRate: 1e30 })).rejects.toMatchObject({ code: "training-diverged" });
  });
});
