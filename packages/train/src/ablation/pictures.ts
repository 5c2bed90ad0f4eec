/** The crops that the runs of trials have written, for the page. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cropKinds, cropsFile, type CropKind } from "../evaluation/same-crops.js";
import { trialFolder, type FinishedTrial } from "./trials.js";

/** Name of a trial -> its crops as data URIs. Trials without images are missing. */
export type TrialPictures = ReadonlyMap<string, Readonly<Record<CropKind, string>>>;

/** @param root folder of the trials */
export async function readPictures(root: string, finished: readonly FinishedTrial[]): Promise<TrialPictures> {
  const found = new Map<string, Record<CropKind, string>>();
  for (const { name, config } of finished) {
    const folder = join(root, trialFolder({ name, settings: config }));
    const uris = await Promise.all(cropKinds.map((kind) => dataUri(join(folder, cropsFile(kind)))));
    const [original, vae, rectified] = uris;
    if (original && vae && rectified) found.set(name, { original, vae, rectified });
  }
  return found;
}

async function dataUri(path: string): Promise<string | null> {
  try {
    return `data:image/webp;base64,${(await readFile(path)).toString("base64")}`;
  } catch {
    return null; // a run on latents, or of an earlier version
  }
}
