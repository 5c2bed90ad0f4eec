/** Opens the latents that the user named: files, patterns of files, and stores. */
import { RevqError, type LatentSource } from "@revq/core";
import { fromFile } from "@revq/formats/node";
import { stat } from "node:fs/promises";
import { expandBraces } from "../images/find/braces.js";
import { exists, glob, isGlob } from "../images/find/glob.js";
import { pathText } from "../images/find/local-path.js";
import { isLatentStore, openLatentStore } from "../store/read.js";
import { joinLatents } from "./joined-latents.js";
import { openLatentsNpy } from "./npy-latents.js";
import type { OpenLatentsOptions } from "./row-latents.js";
import { openLatentsOfTensors } from "./tensor-latents.js";

export const whatLatentsAre =
  "Name a .npy, .safetensors or torch .pt file of latents [n, c, h, w], a pattern such as 'latents-{0..9}.npy', or a store of extracted latents.";

/**
 * Latents of several sources follow each other in the order of the sources.
 * @param spec one or several of: a `.npy` file, a `.safetensors` file or a checkpoint of
 * `torch.save` with one tensor `[n, c, h, w]`, the folder of a latent store, a pattern of these
 * @throws RevqError `latents-*`, `data-no-match`, `archives-braces`, and those of `openLatentStore`
 */
export async function openLatents(
  spec: string | readonly string[],
  options: OpenLatentsOptions = {},
): Promise<LatentSource> {
  const names = (await Promise.all((typeof spec === "string" ? [spec] : spec).map(pathsOf))).flat();
  // Each gets its share of the memory.
  const { memoryLimit = 512 * 2 ** 20 } = options;
  const limit = { memoryLimit: memoryLimit / Math.max(1, names.length) };
  const sources: { name: string; latents: LatentSource }[] = [];
  for (const name of names) sources.push({ name, latents: await openOne(name, limit) });
  return joinLatents(sources);
}

async function openOne(path: string, options: OpenLatentsOptions): Promise<LatentSource> {
  if (await isLatentStore(path)) return openLatentStore(path, options);
  if ((await stat(path).catch(() => null))?.isDirectory()) {
    throw new RevqError("not-a-store", `${path} is a folder, but not a store of latents.`, {
      fix: whatLatentsAre,
      setting: { path: "data.latents" },
    });
  }
  const source = await fromFile(path);
  const start = await source.read(0, Math.min(64, source.size));
  const text = String.fromCharCode(...start);
  const isTorch = (text.startsWith("PK") && !text.includes(".npy")) || (start[0] === 0x80 && start[1]! <= 5);
  return isTorch || text[8] === "{" ? openLatentsOfTensors(path, options) : openLatentsNpy(path, options);
}

/** The files and folders that a spec names. A name that exists is taken as it is. */
async function pathsOf(spec: string): Promise<string[]> {
  if (await exists(spec)) return [spec];
  const paths: string[] = [];
  for (const name of expandBraces(spec)) {
    if ((await exists(name)) || !isGlob(name)) paths.push(name);
    else paths.push(...(await glob(name)).map(pathText));
  }
  if (paths.length > 0) return paths;
  throw new RevqError("data-no-match", `No file matches ${spec}.`, {
    fix: whatLatentsAre,
    setting: { path: "data.latents" },
  });
}
