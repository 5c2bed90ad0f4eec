/** Latents that exist already: a file, or a store that an extraction made. */
import { createRandom, latentShapeToArray, RevqError, sameLatentShape, type LatentSource } from "@revq/core";
import { isLatentStore, openLatents } from "@revq/data";
import type { ResolvedConfig } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import { sourceList, sourcesText, type Sources } from "../config/sources.js";
import { selectRows } from "../evaluation/latent-batches.js";
import { stopwatch } from "../run/stopwatch.js";
import { countLatents } from "./image-counts.js";
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
    noteUnused(/^(backbone\..*|data\.(train|val|imageSize|limit|skipBroken|pixelLimit)|train\.encodeBatch)$/);
    const paths = { train: data.latents, val: data.valLatents };
    const latents = await splitLatents(config, paths, memoryLimit, note);
    return { ...latents, ...withoutImages, seconds: clock() };
  }
  if (data.train === null || !(await areStores(data.train))) return null;
  if (data.val !== null && !(await areStores(data.val))) {
    throw new RevqError(
      "store-and-images",
      `${sourcesText(data.train)} holds latents, ${sourcesText(data.val)} does not.`,
      {
        fix: "Extract the held-out images too, with the same backbone and image size, or name none.",
        setting: { path: "data.val" },
      },
    );
  }
  noteUnused(/^(data\.(imageSize|limit|skipBroken|pixelLimit)|train\.encodeBatch)$/);
  const paths = { train: data.train, val: data.val };
  const latents = await splitLatents(config, paths, memoryLimit, note);
  return {
    ...latents,
    ...withoutImages,
    ...(await backboneOfStore(data.train, data.val, config, explicit.has("backbone.id"), dependencies)),
    seconds: clock(),
  };
}

const withoutImages = { backbone: null, backboneConfig: null, images: null, photographs: null, imageSize: null };

/** True if all are stores of latents. */
async function areStores(sources: Sources): Promise<boolean> {
  for (const source of sourceList(sources)) if (!(await isLatentStore(source))) return false;
  return true;
}

async function splitLatents(
  { data, seed }: RunConfig,
  paths: { readonly train: Sources; readonly val: Sources | null },
  memoryLimit: number,
  note: (line: string) => void,
): Promise<Pick<TrainingInputs, "train" | "val" | "trainedOn" | "heldOut" | "counts">> {
  const path = sourcesText(paths.train);
  const all: LatentSource = await openLatents(paths.train, { memoryLimit });
  if (paths.val !== null) {
    const val = await openLatents(paths.val, { memoryLimit });
    const valPath = sourcesText(paths.val);
    if (!sameLatentShape(all.shape, val.shape)) {
      throw new RevqError(
        "latent-shape",
        `${valPath} has latents [${latentShapeToArray(val.shape)}], ${path} has [${latentShapeToArray(all.shape)}].`,
        { fix: "Both must come from the same backbone and image size.", setting: { path: "data.valLatents" } },
      );
    }
    return {
      train: all,
      val,
      trainedOn: `${all.count} latents of ${path}`,
      heldOut: `${val.count} latents of ${valPath}`,
      counts: countLatents(all.count + val.count),
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
    counts: countLatents(all.count),
  };
}
