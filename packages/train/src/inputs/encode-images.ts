/**
 * Encodes the images of a run once and keeps the latents on disk: in the run's folder, or in a
 * store that runs share.
 */
import type { FitContext, LatentSource } from "@revq/core";
import { openLatentStore, wholeJob, type IndexedImageSource, type SkippedImage } from "@revq/data";
import { isRelativePath } from "@revq/tokenizer";
import { realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import type { RunConfig } from "../config/schema.js";
import { photographsOf, type Photographs } from "../pictures/photographs.js";
import type { RunFolder } from "../run/run-folder.js";
import { stopwatch } from "../run/stopwatch.js";
import { backboneFingerprint, fitBackbone, savedBackboneFile, type CreatedBackbone } from "./backbone.js";
import { extractToStore, preprocessing, type StoreKey } from "./extract.js";
import { countImages, sumCounts } from "./image-counts.js";
import { noteEnlarged, noteSkipped, type TrainingImages } from "./images.js";
import { dataMemory, type TrainDependencies, type TrainingInputs } from "./inputs.js";

interface EncodedImages {
  readonly skipped: readonly SkippedImage[];
  readonly latents: LatentSource;
  readonly photographs: Photographs;
}

/** Uses the latents that an earlier start of the run, or another run with this store, has made. */
export async function encodeImages(
  images: TrainingImages,
  created: CreatedBackbone,
  config: RunConfig,
  folder: RunFolder,
  context: FitContext,
  { plugins, note }: Pick<TrainDependencies, "plugins" | "note">,
): Promise<TrainingInputs> {
  const clock = stopwatch();
  const root = config.data.store ?? folder.path("run");
  const { id, weights, embed } = config.backbone;
  const { imageSize } = config.data;
  const { options, decoder } = created;
  const fitted = { plugins, context };
  const backbone = await fitBackbone(created, images.train, join(root, savedBackboneFile), config, fitted);
  const hash = await backboneFingerprint(backbone);
  // A store is the encoder's: other decoders can share it.
  const encoder = backbone.encoder ? await backboneFingerprint(backbone.encoder) : hash;
  const key: StoreKey = { backbone: { id, options, fingerprint: encoder }, imageSize, preprocessing };

  async function extract(half: "train" | "val", source: IndexedImageSource, phase: string): Promise<EncodedImages> {
    const store = config.data.store === null ? join(root, "latents", half) : join(root, half);
    const { encodeBatch } = config.train;
    const input = { backbone, key, images: source, folder: store, dtype: "F32" as const, encodeBatch, phase };
    const { kept, plan, skipped } = await extractToStore(input, wholeJob, context);
    if (kept > 0) note(`${phase}: ${kept} of ${plan.shards} shards existed already.`);
    noteSkipped(skipped, note);
    return {
      skipped,
      latents: await openLatentStore(store, { memoryLimit: dataMemory(config).latents }),
      photographs: photographsOf(
        source,
        skipped.map(({ name }) => name),
      ),
    };
  }
  const train = await extract("train", images.train, "encode training images");
  const val = await extract("val", images.val, "encode held-out images");
  noteEnlarged(images.heldOutOf ? [images.heldOutOf] : [images.train, images.val], note);
  return {
    train: train.latents,
    val: val.latents,
    backbone,
    backboneConfig: {
      id,
      package: plugins.packageOf("backbone", id),
      options: { ...options },
      ...(await withRelativePath({ weights }, folder)),
      fingerprint: hash,
      embedded: embed || plugins.get("backbone", id).weights === "fitted",
      decoder: decoder && (await withRelativePath(decoder, folder)),
    },
    images,
    photographs: { train: train.photographs, val: val.photographs },
    imageSize,
    trainedOn: images.trainedOn,
    heldOut: images.heldOut,
    counts: images.heldOutOf
      ? countImages(images.heldOutOf, [...train.skipped, ...val.skipped])
      : sumCounts(countImages(images.train, train.skipped), countImages(images.val, val.skipped)),
    seconds: await folder.addSeconds(clock()),
  };
}

/** The same inputs, with the weights' path as the tokenizer's config.json keeps it. */
export async function withWeightsPath(inputs: TrainingInputs, folder: RunFolder): Promise<TrainingInputs> {
  const { backboneConfig } = inputs;
  if (!backboneConfig) return inputs;
  const { decoder } = backboneConfig;
  return {
    ...inputs,
    backboneConfig: {
      ...(await withRelativePath(backboneConfig, folder)),
      decoder: decoder && (await withRelativePath(decoder, folder)),
    },
  };
}

async function withRelativePath<T extends { readonly weights: string | null }>(part: T, folder: RunFolder): Promise<T> {
  return part.weights === null ? part : { ...part, weights: await relativeToTokenizer(part.weights, folder) };
}

/**
 * A relative path is kept relative to the tokenizer's folder, without symbolic links. It holds in
 * any working directory.
 */
async function relativeToTokenizer(weights: string, folder: RunFolder): Promise<string> {
  if (!isRelativePath(weights)) return weights;
  const path = await realpath(weights).catch(() => null); // a spec that is no path stays as it is
  return path === null ? weights : relative(await realpath(folder.root), path);
}
