/**
 * The backbone of a run: created from the settings, fitted on the images if it needs that, kept
 * beside its latents.
 */
import {
  fingerprint,
  toNamedArrays,
  type Backbone,
  type FitContext,
  type ImageSource,
  type NamedTensors,
  type PluginRegistry,
} from "@revq/core";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import {
  aboutDecoder,
  createBackbone as createAnyBackbone,
  resolveBackbone,
  type BackbonePart,
  type TokenizerConfig,
} from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { chosenDecoder, ownOptions } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import { upload } from "../run/tensor-state.js";
import type { TrainDependencies } from "./inputs.js";

export const savedBackboneFile = "backbone.safetensors";

type SavedBackbone = NonNullable<TokenizerConfig["backbone"]>;

export interface CreatedBackbone {
  readonly backbone: Backbone;
  /** For config.json: they make the same backbone from its state. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The same for another VAE's decoder; null without one. */
  readonly decoder: SavedBackbone["decoder"];
}

/**
 * The backbone that the configuration names, with the decoder of another VAE if it names one. A
 * backbone that is fitted on the images is not fitted yet.
 */
export async function createBackbone(
  config: RunConfig,
  { plugins, openWeights, note }: Pick<TrainDependencies, "plugins" | "openWeights" | "note">,
): Promise<CreatedBackbone> {
  const { id, weights } = config.backbone;
  const own = { id, weights, options: ownOptions(config, "backbone") };
  const choice = { ...(await openPart(own, openWeights)), decoder: await openDecoder(config, openWeights) };
  const context = { plugins, imageSize: config.data.imageSize, note };
  const backbone = await createAnyBackbone(choice, context);
  try {
    const { options, decoderOptions } = await resolveBackbone(choice, context);
    return { backbone, options, decoder: savedDecoder(config, decoderOptions, plugins) };
  } catch (error) {
    backbone.dispose();
    throw error;
  }
}

type OpenWeights = TrainDependencies["openWeights"];

/** A plugin with its options, and its weights opened. */
export async function openPart(
  { id, options, weights }: NonNullable<ReturnType<typeof chosenDecoder>>,
  openWeights: OpenWeights,
): Promise<BackbonePart> {
  return { id, options, ...(weights === null ? {} : { weights: await openWeights(weights) }) };
}

/** The other VAE that the configuration names; null where there is none. */
export async function openDecoder(config: RunConfig, openWeights: OpenWeights): Promise<BackbonePart | null> {
  const decoder = chosenDecoder(config);
  return decoder && aboutDecoder(() => openPart(decoder, openWeights));
}

/** What config.json says about the decoder of another VAE. */
export function savedDecoder(
  config: RunConfig,
  options: Readonly<Record<string, unknown>> | null,
  plugins: PluginRegistry,
): SavedBackbone["decoder"] {
  const decoder = chosenDecoder(config);
  if (!decoder) return null;
  const { id, weights } = decoder;
  return { id, package: plugins.packageOf("backbone", id), options: { ...options }, weights };
}

/**
 * The backbone itself when it needs no fit; else the saved one at `path`, or one that is fitted now
 * and saved there.
 * @param created is disposed when the saved backbone takes its place
 */
export async function fitBackbone(
  created: CreatedBackbone,
  images: ImageSource,
  path: string,
  config: RunConfig,
  { plugins, context }: Pick<TrainDependencies, "plugins"> & { readonly context: FitContext },
): Promise<Backbone> {
  const { backbone, options } = created;
  if (!backbone.fit || backbone.fit.fitted) return backbone;
  const state = await readBackbone(path);
  if (state) {
    backbone.dispose();
    const plugin = plugins.get("backbone", config.backbone.id);
    const saved = await plugin.create(options, { imageSize: config.data.imageSize, state });
    tf.dispose(Object.values(state));
    return saved;
  }
  await backbone.fit.run(images, context);
  const arrays = await toNamedArrays(backbone.state());
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, writeSafetensors(Object.entries(arrays).map(([name, array]) => ({ name, ...array }))));
  return backbone;
}

/**
 * Null when there is none that can be read: a fit is deterministic, so it can be repeated. The
 * caller disposes the tensors.
 */
export async function readBackbone(path: string): Promise<NamedTensors | null> {
  try {
    const opened = await openSafetensors(await fromFile(path));
    const state: Record<string, tf.Tensor> = {};
    for (const name of opened.tensors.keys()) state[name] = upload(await opened.readFloat32(name));
    return state;
  } catch {
    return null;
  }
}

/** The hash of its weights, of both halves if they are of two VAEs. */
export async function backboneFingerprint(backbone: Pick<Backbone, "state">): Promise<string> {
  return fingerprint(await toNamedArrays(backbone.state()));
}
