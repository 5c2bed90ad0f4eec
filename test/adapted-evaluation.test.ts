/** An adapted decoder is measured beside the old one, by one process and by several. */
import { linear } from "@revq/backbone-linear";
import { createRandom, latentShapeOf, parseOptions, quietContext, type NamedTensors } from "@revq/core";
import { inMemoryLatents, openSynthetic } from "@revq/data";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { identity } from "@revq/rectifier-identity";
import {
  createAdaptedDecoder,
  LatentSpace,
  measureLatents,
  Standardizer,
  Tokenizer,
  type TokenizerConfig,
} from "@revq/tokenizer";
import { evaluateImages, evaluatePart, type EvaluateImagesOptions } from "@revq/train";
import { none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const side = 32;
const images = openSynthetic("synthetic:dead-leaves", { size: side, count: 12 });
const options: EvaluateImagesOptions = { batch: 5, signal: new AbortController().signal };
let engine: Engine;
/** The backbone's decoder, and one that makes everything darker. */
let plain: Tokenizer;
let adapted: Tokenizer;

beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
  const given = parseOptions(linear, { patch: 8, channels: 12 });
  const backbone = await linear.create(given, { imageSize: side });
  await backbone.fit!.run(images, quietContext(createRandom(1)));
  const latentShape = latentShapeOf(backbone.spec, side);
  const values: number[] = [];
  for await (const { pixels, names } of images.batches(12)) {
    const batch = tf.tensor4d(pixels, [names.length, side, side, 3]);
    const latents = await backbone.encode(batch);
    values.push(...(await latents.data()));
    tf.dispose([batch, latents]);
  }
  const source = inMemoryLatents(latentShape, Float32Array.from(values));
  const standardizer = Standardizer.fromStatistics(latentShape, await measureLatents(source));
  const transform = await none.create({}, { latentShape, tokens: 24 });
  const space = new LatentSpace(standardizer, transform, { id: "standardized" });
  const quantizerOptions = parseOptions(multigroup, { tokens: 24, codes: 8, split: "channel", groups: "channel" });
  const quantizer = await multigroup.create(quantizerOptions, { latentShape, transform: transform.layout });
  await quantizer.fit(await space.source(source), quietContext(createRandom(2)));
  const rectifier = await identity.create({}, { latentShape, random: createRandom(3) });
  const tensors = { mean: tf.tidy(() => tf.sub(backbone.state()["mean"]!, 0.1)) };
  const create = (state: NamedTensors) => linear.create(given, { imageSize: side, state });
  const decoder = await createAdaptedDecoder({ backbone, mode: "all", tensors, create });
  tf.dispose(tensors);
  const config = { imageSize: side, backbone: null } as TokenizerConfig;
  const parts = { config, latentShape, backbone, space, quantizer, rectifier };
  plain = new Tokenizer({ ...parts, decoder: null });
  adapted = new Tokenizer({ ...parts, decoder });
});
afterAll(() => {
  adapted.dispose();
  engine.dispose();
});

it("measures three sets: the tokenizer, the same ids with the old decoder, the VAE", async () => {
  const { metrics: before } = await evaluateImages(plain, images, options);
  const { metrics } = await evaluateImages(adapted, images, options);
  expect(before.oldDecoder).toBeNull();
  expect(metrics.vae).toEqual(before.vae);
  expect(metrics.oldDecoder).toMatchObject({ psnr: before.psnr, ssim: before.ssim });
  expect(metrics.psnr!).toBeLessThan(before.psnr! - 0.1);
});

it("joins them from parts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "revq-adapted-"));
  const { metrics } = await evaluateImages(adapted, images, options);
  const part = (index: number) => evaluatePart(folder, { index, count: 2 }, adapted, { images }, options);
  expect((await part(0)).joined).toBeNull();
  const { joined } = await part(1);
  for (const set of ["oldDecoder", "vae"] as const)
    expect(joined!.metrics[set]!.psnr).toBeCloseTo(metrics[set]!.psnr, 9);
  expect(joined!.metrics.psnr).toBeCloseTo(metrics.psnr!, 9);
  await rm(folder, { recursive: true });
});
