/** Opens the latents that the user named: a `.npy` file, or the folder of a latent store. */
import type { LatentSource } from "@revq/core";
import { isLatentStore, openLatentStore } from "../store/read.js";
import { openLatentsNpy, type NpyLatentsOptions } from "./npy-latents.js";

/** Throws the errors of `openLatentStore` and `openLatentsNpy`. */
export async function openLatents(path: string, options: NpyLatentsOptions = {}): Promise<LatentSource> {
  return (await isLatentStore(path)) ? openLatentStore(path, options) : openLatentsNpy(path, options);
}
