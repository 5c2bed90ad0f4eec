/** The backbone that a latent store was extracted with: brought up again, so that the tokenizer takes and gives images. */
import { fingerprint, parseOptions, RevqError, toNamedArrays } from "@revq/core";
import { isLatentStore, openLatentStore } from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { z } from "zod";
import type { RunConfig } from "./config/schema.js";
import type { PreparedData, TrainDependencies } from "./prepare.js";
import { readBackbone, savedBackboneFile } from "./saved-backbone.js";

const keySchema = z.looseObject({
  backbone: z.strictObject({ id: z.string(), options: z.record(z.string(), z.unknown()), fingerprint: z.string() }),
  imageSize: z.int().min(1),
});

/**
 * Where weights are needed and none are named, the tokenizer maps latents only, and a note says so. Throws `store-other-key` (the
 * held-out store is of another backbone), `store-backbone`, `backbone-fingerprint`.
 */
export async function backboneOfStore(
  train: string,
  val: string | null,
  config: RunConfig,
  said: ReadonlySet<string>,
  { plugins, openWeights, note }: Pick<TrainDependencies, "plugins" | "openWeights" | "note">,
): Promise<Pick<PreparedData, "backbone" | "backboneConfig" | "imageSize">> {
  const { backbone: saved, imageSize } = await readKey(train);
  if (val !== null && (await readKey(val)).backbone.fingerprint !== saved.fingerprint) {
    throw new RevqError("store-other-key", `${train} and ${val} were extracted with different backbones.`, {
      fix: "Extract the held-out images with the backbone of the training images.",
    });
  }
  if (said.has("backbone.id") && config.backbone.id !== saved.id) {
    throw new RevqError(
      "store-backbone",
      `${train} was extracted with the backbone ${saved.id}, the settings say ${config.backbone.id}.`,
      { fix: `Leave out --backbone, or say --backbone ${saved.id}.` },
    );
  }
  const plugin = plugins.get("backbone", saved.id);
  const { weights, embed } = config.backbone;
  const state = plugin.weights === "fitted" ? await readBackbone(join(train, savedBackboneFile)) : null;
  if (plugin.weights !== "optional" && weights === null && !state) {
    note(`${saved.id} needs its weights to take and give images (--weights): this tokenizer will map latents only.`);
    return { backbone: null, backboneConfig: null, imageSize: null };
  }
  const options = parseOptions(plugin, saved.options);
  const backbone = await plugin.create(options, {
    imageSize,
    ...(state ? { state } : weights === null ? {} : { weights: await openWeights(weights) }),
  });
  if (state) tf.dispose(Object.values(state));
  const found = await fingerprint(await toNamedArrays(backbone.state()));
  if (found !== saved.fingerprint) {
    backbone.dispose();
    throw new RevqError(
      "backbone-fingerprint",
      `${train} was extracted with other weights of ${saved.id} (${saved.fingerprint.slice(0, 12)}…) than are here (${found.slice(0, 12)}…).`,
      { fix: "Name the weights that it was extracted with (--weights)." },
    );
  }
  const embedded = embed || plugin.weights === "fitted";
  const backboneConfig = {
    id: saved.id,
    package: plugins.packageOf("backbone", saved.id),
    options,
    weights,
    fingerprint: found,
    embedded,
  };
  return { backbone, backboneConfig, imageSize };
}

/** Id of the backbone that a latent store was extracted with; null for a path that is none. Throws `store-damaged`. */
export async function storeBackboneId(path: string): Promise<string | null> {
  return (await isLatentStore(path)) ? (await readKey(path)).backbone.id : null;
}

async function readKey(store: string): Promise<z.output<typeof keySchema>> {
  const { manifest } = await openLatentStore(store, { memoryLimit: 0 });
  const parsed = keySchema.safeParse(manifest.key);
  if (parsed.success) return parsed.data;
  throw new RevqError("store-damaged", `${store} does not say which backbone made it.`, {
    fix: "Use it as latents alone: --latents instead of --data.",
  });
}
