/** Latents that exist already: a file, or a store that an extraction made. */
import { createRandom, latentShapeToArray, RevqError, sameLatentShape, type LatentSource } from "@revq/core";
import { isLatentStore, openLatents, openLatentStore } from "@revq/data";
import type { ResolvedConfig } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import { selectRows } from "../evaluation/latent-batches.js";
import { stopwatch } from "../run/stopwatch.js";
import { requireTwo } from "./images.js";
import { dataMemory, type TrainDependencies, type TrainingInputs } from "./inputs.js";
import { backboneOfStore } from "./store-backbone.js";

/**
 * The latents that the settings name; null when they name images. Notes settings without effect.
 */
export async function openGivenLatents(
  { config, explicit }: ResolvedConfig,
  dependencies: Pick<TrainDependencies, "plugins" | "openWeights" | "note">,
): Promise<TrainingInputs | null> {
  const clock = stopwatch();
  const { data } = config;
  const { note } = dependencies;
  const memoryLimit = dataMemory(config).latents;
  const noteUnused = (pattern: RegExp): void => {
    const paths = [...explicit].filter((path) => pattern.test(path));
    if (paths.length > 0) note(`Training on latents: ${paths.join(", ")} ${paths.length > 1 ? "are" : "is"} not used.`);
  };
  if (data.latents !== null) {
    noteUnused(/^(backbone\..*|data\.(train|val|imageSize|limit)|train\.encodeBatch)$/);
    const paths = { train: data.latents, val: data.valLatents };
    const latents = await splitLatents(config, paths, (path) => openLatents(path, { memoryLimit }), note);
    return { ...latents, ...withoutImages, seconds: clock() };
  }
  if (data.train === null || !(await isLatentStore(data.train))) return null;
  noteUnused(/^(data\.(imageSize|limit)|train\.encodeBatch)$/);
  const paths = { train: data.train, val: data.val };
  const latents = await splitLatents(config, paths, (path) => openLatentStore(path, { memoryLimit }), note);
  return {
    ...latents,
    ...withoutImages,
    ...(await backboneOfStore(data.train, data.val, config, explicit.has("backbone.id"), dependencies)),
    seconds: clock(),
  };
}

const withoutImages = { backbone: null, backboneConfig: null, images: null, photographs: null, imageSize: null };

/** @param open opens the latents at a path */
async function splitLatents(
  { data, seed }: RunConfig,
  paths: { readonly train: string; readonly val: string | null },
  open: (path: string) => Promise<LatentSource>,
  note: (line: string) => void,
): Promise<Pick<TrainingInputs, "train" | "val" | "trainedOn" | "heldOut">> {
  const path = paths.train;
  const all = await open(path);
  if (paths.val !== null) {
    const val = await open(paths.val);
    if (!sameLatentShape(all.shape, val.shape)) {
      throw new RevqError(
        "latent-shape",
        `${paths.val} has latents [${latentShapeToArray(val.shape)}], ${path} has [${latentShapeToArray(all.shape)}].`,
        { fix: "Both must come from the same backbone and image size.", setting: { path: "data.valLatents" } },
      );
    }
    return {
      train: all,
      val,
      trainedOn: `${all.count} latents of ${path}`,
      heldOut: `${val.count} latents of ${paths.val}`,
    };
  }
  requireTwo(all.count, "latent", path);
  const order = createRandom(seed).fork("hold out").permutation(all.count);
  const heldOut = Math.min(all.count - 1, Math.max(1, Math.round(all.count * data.validationFraction)));
  const val = selectRows(all, order.slice(0, heldOut).sort());
  const train = selectRows(all, order.slice(heldOut).sort());
  note(`Held out ${heldOut} of ${all.count} latents for validation (seed ${seed}).`);
  return {
    train,
    val,
    trainedOn: `${train.count} latents of ${path}`,
    heldOut: `${heldOut} latents held out of ${path}`,
  };
}
