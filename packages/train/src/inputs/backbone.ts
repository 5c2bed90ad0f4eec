/**
 * The backbone of a run: created from the settings, fitted on the images if it needs that, kept
 * beside its latents.
 */
import {
  fingerprint,
  parseOptions,
  toNamedArrays,
  type Backbone,
  type BackboneContext,
  type FitContext,
  type ImageSource,
  type NamedTensors,
} from "@revq/core";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { ownOptions } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import { upload } from "../run/tensor-state.js";
import type { TrainDependencies } from "./inputs.js";

export const savedBackboneFile = "backbone.safetensors";

export interface CreatedBackbone {
  readonly backbone: Backbone;
  /** For config.json: they make the same backbone from its state. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * The backbone that the configuration names. A backbone that is fitted on the images is not fitted
 * yet.
 */
export async function createBackbone(
  config: RunConfig,
  { plugins, openWeights, note }: Pick<TrainDependencies, "plugins" | "openWeights" | "note">,
): Promise<CreatedBackbone> {
  const { id, weights } = config.backbone;
  const plugin = plugins.get("backbone", id);
  const given = parseOptions(plugin, ownOptions(config, "backbone"));
  const context: BackboneContext = {
    imageSize: config.data.imageSize,
    ...(weights !== null ? { weights: await openWeights(weights) } : {}),
    note,
  };
  const backbone = await plugin.create(given, context);
  try {
    return { backbone, options: plugin.resolve ? parseOptions(plugin, await plugin.resolve(given, context)) : given };
  } catch (error) {
    backbone.dispose();
    throw error;
  }
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

/** The hash of its weights. */
export async function backboneFingerprint(backbone: Backbone): Promise<string> {
  return fingerprint(await toNamedArrays(backbone.state()));
}
