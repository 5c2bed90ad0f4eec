/** Recognizes latents among what a user named as data. */
import { RevqError, type LatentSource } from "@revq/core";
import { isLatentStore, openLatents, openLatentStore } from "@revq/data";
import { extname } from "node:path";

export interface NamedLatents {
  readonly latents: LatentSource;
  /** Names of their images; null where they are not known. */
  readonly names: readonly string[] | null;
}

/** By extension, or the folder of a store. */
async function isLatentData(spec: string): Promise<boolean> {
  return [".npy", ".safetensors", ".pt", ".pth"].includes(extname(spec).toLowerCase()) || isLatentStore(spec);
}

/**
 * Null if the data are images.
 * @throws RevqError `data-mixed`, and those of `openLatents`
 */
export async function openLatentData(specs: readonly string[]): Promise<NamedLatents | null> {
  const kinds = await Promise.all(specs.map(isLatentData));
  if (!kinds.includes(true)) return null;
  const images = specs.find((_, i) => !kinds[i]);
  if (images !== undefined) {
    throw new RevqError("data-mixed", `${images} holds images, ${specs[kinds.indexOf(true)]} holds latents.`, {
      fix: "Name images or latents, not both.",
    });
  }
  if (specs.length > 1 || !(await isLatentStore(specs[0]!))) {
    return { latents: await openLatents(specs), names: null };
  }
  const store = await openLatentStore(specs[0]!);
  const names: string[] = [];
  for (let shard = 0; shard < store.manifest.shards; shard++) names.push(...(await store.namesOf(shard)));
  return { latents: store, names: names.length === store.count ? names : null };
}
