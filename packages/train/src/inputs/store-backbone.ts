/**
 * Creates the backbone that a latent store was extracted with, so that the tokenizer can encode and
 * decode images.
 */
import { parseOptions, RevqError } from "@revq/core";
import { isLatentStore, openLatentStore } from "@revq/data";
import { createBackbone, resolveBackbone } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { z } from "zod";
import type { RunConfig } from "../config/schema.js";
import { sourceList, type Sources } from "../config/sources.js";
import {
  backboneFingerprint,
  openDecoder,
  openPart,
  readBackbone,
  savedBackboneFile,
  savedDecoder,
} from "./backbone.js";
import type { TrainDependencies, TrainingInputs } from "./inputs.js";

const keySchema = z.looseObject({
  backbone: z.strictObject({ id: z.string(), options: z.record(z.string(), z.unknown()), fingerprint: z.string() }),
  imageSize: z.int().min(1),
});

/**
 * Null backbone, with a note, where weights are needed and none are named: the tokenizer then maps
 * latents only. Throws `store-other-key` (the held-out store has another backbone),
 * `store-backbone`, `backbone-fingerprint`.
 * @param explicitId the user named the backbone
 */
export async function backboneOfStore(
  trainStores: Sources,
  valStores: Sources | null,
  config: RunConfig,
  explicitId: boolean,
  { plugins, openWeights, note }: Pick<TrainDependencies, "plugins" | "openWeights" | "note">,
): Promise<Pick<TrainingInputs, "backbone" | "backboneConfig" | "imageSize">> {
  const [train, ...others] = sourceList(trainStores);
  const { backbone: saved, imageSize } = await readKey(train!);
  for (const other of [...others, ...(valStores === null ? [] : sourceList(valStores))]) {
    if ((await readKey(other)).backbone.fingerprint === saved.fingerprint) continue;
    throw new RevqError("store-other-key", `${train} and ${other} were extracted with different backbones.`, {
      fix: "Extract all images with the same backbone.",
      setting: { path: others.includes(other) ? "data.train" : "data.val" },
    });
  }
  if (explicitId && config.backbone.id !== saved.id) {
    throw new RevqError(
      "store-backbone",
      `${train} was extracted with the backbone ${saved.id}, the settings name ${config.backbone.id}.`,
      { fix: `Leave the backbone open, or use ${saved.id}.`, setting: { path: "backbone.id", value: saved.id } },
    );
  }
  const plugin = plugins.get("backbone", saved.id);
  const { weights, embed } = config.backbone;
  const state = plugin.weights === "fitted" ? await readBackbone(join(train!, savedBackboneFile)) : null;
  if (plugin.weights !== "optional" && weights === null && !state) {
    note(`${saved.id} needs its weights to encode and decode images. Without them, this tokenizer maps latents only.`);
    return { backbone: null, backboneConfig: null, imageSize: null };
  }
  const options = parseOptions(plugin, saved.options);
  const own = { id: saved.id, options, weights: state ? null : weights };
  const choice = { ...(await openPart(own, openWeights)), decoder: await openDecoder(config, openWeights) };
  const context = { plugins, imageSize, note };
  const backbone = await createBackbone(choice, { ...context, ...(state ? { state } : {}) });
  if (state) tf.dispose(Object.values(state));
  const found = await backboneFingerprint(backbone.encoder ?? backbone);
  if (found !== saved.fingerprint) {
    backbone.dispose();
    throw new RevqError(
      "backbone-fingerprint",
      `${train} was extracted with weights ${saved.fingerprint.slice(0, 12)}… of ${saved.id}; these are ${found.slice(0, 12)}….`,
      { fix: "Use the weights that it was extracted with.", setting: { path: "backbone.weights" } },
    );
  }
  const { decoderOptions } = await resolveBackbone(choice, context);
  const backboneConfig = {
    id: saved.id,
    package: plugins.packageOf("backbone", saved.id),
    options,
    weights,
    fingerprint: await backboneFingerprint(backbone),
    embedded: embed || plugin.weights === "fitted",
    decoder: savedDecoder(config, decoderOptions, plugins),
  };
  return { backbone, backboneConfig, imageSize };
}

/**
 * Id of the backbone that a latent store was extracted with, the first of several; null for a path
 * that is no store. Throws `store-damaged`.
 */
export async function storeBackboneId(stores: Sources): Promise<string | null> {
  const path = sourceList(stores)[0]!;
  return (await isLatentStore(path)) ? (await readKey(path)).backbone.id : null;
}

async function readKey(store: string): Promise<z.output<typeof keySchema>> {
  const { manifest } = await openLatentStore(store, { memoryLimit: 0 });
  const parsed = keySchema.safeParse(manifest.key);
  if (parsed.success) return parsed.data;
  throw new RevqError("store-damaged", `${store} does not name the backbone that made it.`, {
    fix: "Use it as latents without a backbone.",
    setting: { path: "data.latents", value: store },
  });
}
