/** From what the user named to latents: make or fit the backbone, encode every image once, keep the latents on disk. */
import {
  fingerprint,
  parseOptions,
  toNamedArrays,
  type Backbone,
  type FitContext,
  type LatentSource,
  type PluginRegistry,
  type ReportProgress,
  type WeightsSource,
} from "@revq/core";
import { isLatentStore, joinStore, openLatents, openLatentStore, type IndexedImageSource } from "@revq/data";
import { isRelativePath, type TokenizerConfig } from "@revq/tokenizer";
import { realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import type { ResolvedConfig } from "./config/layers.js";
import { bytesOfSize, type RunConfig } from "./config/schema.js";
import { extractToStore, preprocessing, type StoreKey } from "./extract.js";
import { stopwatch } from "./recipe.js";
import type { RunFolder } from "./run-folder.js";
import { fittedBackbone, savedBackboneFile } from "./saved-backbone.js";
import { backboneOfStore } from "./store-backbone.js";
import { noteSkipped, openTrainingLatents, type SampleImages, type TrainingImages } from "./training-data.js";

export interface TrainDependencies {
  readonly plugins: PluginRegistry;
  readonly openWeights: (spec: string) => Promise<WeightsSource>;
  readonly sampleImages: SampleImages;
  /** Id of the engine that is up, for the result. */
  readonly engine: string;
  readonly report: ReportProgress;
  /** A line that the user should read: a choice that was made, a file that was skipped. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface TrainOptions {
  readonly resume: boolean;
}

/** What training starts from, however it was come by. */
export interface PreparedData {
  readonly train: LatentSource;
  readonly val: LatentSource;
  readonly backbone: Backbone | null;
  readonly backboneConfig: TokenizerConfig["backbone"];
  readonly images: TrainingImages | null;
  /** Side of the images that the latents are of; null when nobody knows. */
  readonly imageSize: number | null;
  readonly trainedOn: string;
  readonly heldOut: string;
  readonly seconds: number;
}

/** The backbone that the configuration names; one that is fitted on the images is not fitted yet. */
export async function createBackbone(
  { backbone: { id, weights, embed: _embed, ...given }, data }: RunConfig,
  { plugins, openWeights }: Pick<TrainDependencies, "plugins" | "openWeights">,
): Promise<Backbone> {
  const plugin = plugins.get("backbone", id);
  return plugin.create(parseOptions(plugin, given), {
    imageSize: data.imageSize,
    ...(weights !== null ? { weights: await openWeights(weights) } : {}),
  });
}

/** Latents of the images, encoded once into `run/latents` or `data.store`; what an earlier start of the run has made is used. */
export async function prepareImages(
  images: TrainingImages,
  created: Backbone,
  config: RunConfig,
  folder: RunFolder,
  context: FitContext,
  { plugins, note }: TrainDependencies,
): Promise<PreparedData> {
  const clock = stopwatch();
  const place = config.data.store ?? folder.path("run");
  const { id, weights, embed, ...given } = config.backbone;
  const plugin = plugins.get("backbone", id);
  const options = parseOptions(plugin, created.options ?? given);
  const backbone = await fittedBackbone(created, images.train, join(place, savedBackboneFile), context, (state) =>
    plugin.create(options, { imageSize: config.data.imageSize, state }),
  );
  const print = await fingerprint(await toNamedArrays(backbone.state()));
  const key: StoreKey = {
    backbone: { id, options, fingerprint: print },
    imageSize: config.data.imageSize,
    preprocessing,
  };

  async function extract(part: "train" | "val", source: IndexedImageSource, phase: string): Promise<LatentSource> {
    const store = config.data.store === null ? join(place, "latents", part) : join(place, part);
    const { encodeBatch } = config.train;
    const input = { backbone, key, images: source, folder: store, dtype: "F32" as const, encodeBatch, phase };
    const { kept, plan, skipped } = await extractToStore(input, context);
    if (kept > 0) note(`${phase}: ${kept} of ${plan.shards} shards were there already.`);
    noteSkipped(skipped, note);
    await joinStore(store);
    return openLatentStore(store, { memoryLimit: dataMemory(config).latents });
  }
  const latents = {
    train: await extract("train", images.train, "encode training images"),
    val: await extract("val", images.val, "encode held-out images"),
  };
  return {
    ...latents,
    backbone,
    backboneConfig: {
      id,
      package: plugins.packageOf("backbone", id),
      options,
      weights: weights === null ? null : await besideTokenizer(weights, folder),
      fingerprint: print,
      embedded: embed || plugin.weights === "fitted",
    },
    images,
    imageSize: config.data.imageSize,
    trainedOn: images.trainedOn,
    heldOut: images.heldOut,
    seconds: await folder.addSeconds(clock()),
  };
}

/** A relative path is kept relative to the tokenizer's folder, both without symbolic links: so it holds wherever one stands. */
async function besideTokenizer(weights: string, folder: RunFolder): Promise<string> {
  if (!isRelativePath(weights)) return weights;
  const path = await realpath(weights).catch(() => null); // what is no path stays as it was said
  return path === null ? weights : relative(await realpath(folder.root), path);
}

/**
 * Latents that are there already: of `--latents`, or a store that `--data` names; null when there are images. Settings that only
 * images need are named: they do nothing.
 */
export async function prepareLatents(
  { config, said }: ResolvedConfig,
  dependencies: Pick<TrainDependencies, "plugins" | "openWeights" | "note">,
): Promise<PreparedData | null> {
  const clock = stopwatch();
  const { data } = config;
  const { note } = dependencies;
  const memoryLimit = dataMemory(config).latents;
  const ignored = (pattern: RegExp): void => {
    const paths = [...said].filter((path) => pattern.test(path));
    if (paths.length > 0) note(`Training on latents: ${paths.join(", ")} ${paths.length > 1 ? "are" : "is"} not used.`);
  };
  if (data.latents !== null) {
    ignored(/^(backbone\..*|data\.(train|val|imageSize|limit)|train\.encodeBatch)$/);
    const paths = { train: data.latents, val: data.valLatents };
    const latents = await openTrainingLatents(config, paths, (path) => openLatents(path, { memoryLimit }), note);
    return { ...latents, ...noImages, seconds: clock() };
  }
  if (data.train === null || !(await isLatentStore(data.train))) return null;
  ignored(/^(data\.(imageSize|limit)|train\.encodeBatch)$/);
  const paths = { train: data.train, val: data.val };
  const latents = await openTrainingLatents(config, paths, (path) => openLatentStore(path, { memoryLimit }), note);
  return {
    ...latents,
    ...noImages,
    ...(await backboneOfStore(data.train, data.val, config, said, dependencies)),
    seconds: clock(),
  };
}

/** The same, with the weights' path as the tokenizer's config.json keeps it. */
export async function weightsBeside(data: PreparedData, folder: RunFolder): Promise<PreparedData> {
  const weights = data.backboneConfig?.weights ?? null;
  if (!data.backboneConfig || weights === null) return data;
  return { ...data, backboneConfig: { ...data.backboneConfig, weights: await besideTokenizer(weights, folder) } };
}

const noImages = { backbone: null, backboneConfig: null, images: null, imageSize: null };

/** How many bytes of latents and of codes stay in memory, and how many a fit of codebooks may take, before there are codes. */
export function dataMemory({ data }: RunConfig): { latents: number; codes: number; fit: number } {
  const all = bytesOfSize(data.memory);
  return { latents: all * 0.6, codes: all * 0.2, fit: all * 0.4 };
}
