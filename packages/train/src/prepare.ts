/** From what the user named to latents: bring up or fit the backbone, encode every image once, keep the latents on disk. */
import {
  fingerprint,
  latentShapeOf,
  parseOptions,
  toNamedArrays,
  type Backbone,
  type FitContext,
  type LatentSource,
  type PluginRegistry,
  type ReportProgress,
  type WeightsSource,
} from "@revq/core";
import { isRelativePath, type TokenizerConfig } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { relative, resolve } from "node:path";
import type { RunConfig } from "./config/schema.js";
import { extractLatents, prepareBackbone } from "./extract.js";
import { LatentCache } from "./latent-cache.js";
import { stopwatch } from "./recipe.js";
import type { RunFolder } from "./run-folder.js";
import { upload } from "./tensor-state.js";
import { openTrainingLatents, type TrainingImages } from "./training-data.js";

export interface TrainDependencies {
  readonly plugins: PluginRegistry;
  readonly openWeights: (spec: string) => Promise<WeightsSource>;
  /** Folder of the images that a run without `--data` uses. */
  readonly sampleImages: string;
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
  readonly trainedOn: string;
  readonly heldOut: string;
  readonly seconds: number;
}

/** Backbone and latents of the images; a resumed run finds both on disk. */
export async function prepareImages(
  images: TrainingImages,
  config: RunConfig,
  folder: RunFolder,
  { resume }: TrainOptions,
  context: FitContext,
  { plugins, openWeights, note }: TrainDependencies,
): Promise<PreparedData> {
  const clock = stopwatch();
  const cache = new LatentCache(folder);
  const cached = resume ? await cache.read() : null;
  const { id, weights, embed, ...given } = config.backbone;
  const plugin = plugins.get("backbone", id);
  const options = parseOptions(plugin, given);
  const saved = cached && plugin.weights === "fitted" ? await cache.readBackbone() : null;
  const state = saved ? Object.fromEntries(Object.entries(saved).map(([name, array]) => [name, upload(array)])) : null;
  const backbone = await plugin.create(options, {
    imageSize: config.data.imageSize,
    ...(weights !== null ? { weights: await openWeights(weights) } : {}),
    ...(state ? { state } : {}),
  });
  if (state) tf.dispose(Object.values(state));
  latentShapeOf(backbone.spec, config.data.imageSize);
  await prepareBackbone(backbone, images.train, context);
  const print = await fingerprint(await toNamedArrays(backbone.state()));

  const key = { backbone: { id, options, fingerprint: print }, imageSize: config.data.imageSize };
  const reusable =
    cached !== null &&
    cached.manifest.backbone.fingerprint === print &&
    cached.manifest.imageSize === key.imageSize &&
    cached.manifest.train.source === images.train.description &&
    cached.manifest.val.source === images.val.description;
  let latents: { train: LatentSource; val: LatentSource };
  let seconds: number;
  if (reusable) {
    note(`Latents of ${cached.train.count} + ${cached.val.count} images are there already.`);
    latents = cached;
    seconds = cached.manifest.seconds;
  } else {
    const { encodeBatch } = config.train;
    latents = {
      train: await extractLatents(backbone, images.train, "encode training images", encodeBatch, context),
      val: await extractLatents(backbone, images.val, "encode held-out images", encodeBatch, context),
    };
    const skipped = [...images.train.skipped, ...images.val.skipped];
    for (const { name, reason } of skipped) note(`Skipped ${name}: ${reason}`);
    seconds = clock();
    if (plugin.weights === "fitted") await cache.writeBackbone(backbone);
    await cache.write(
      {
        ...key,
        train: { source: images.train.description, images: latents.train.count },
        val: { source: images.val.description, images: latents.val.count },
        skipped,
        seconds,
      },
      latents.train,
      latents.val,
    );
  }
  return {
    ...latents,
    backbone,
    backboneConfig: {
      id,
      package: plugins.packageOf("backbone", id),
      options,
      weights: weights !== null && isRelativePath(weights) ? relative(folder.root, resolve(weights)) : weights,
      fingerprint: print,
      embedded: embed || plugin.weights === "fitted",
    },
    images,
    trainedOn: images.trainedOn,
    heldOut: images.heldOut,
    seconds,
  };
}

export async function prepareLatents(config: RunConfig, note: (line: string) => void): Promise<PreparedData> {
  const clock = stopwatch();
  const latents = await openTrainingLatents(config, config.data.latents!, note);
  return { ...latents, backbone: null, backboneConfig: null, images: null, seconds: clock() };
}
