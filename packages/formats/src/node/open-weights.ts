/** Where the user says the weights are: a folder, a file, an URL, a repository of the hub. The one place that reads a weights spec. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nearestNames, RevqError, type WeightsSource } from "@revq/core";
import { isHubSpec } from "../hub/spec.js";
import { isUrl, openUrl } from "../open-url.js";
import type { OpenWeightsOptions } from "../weights-options.js";
import { fileError } from "./file-error.js";
import { fromFile } from "./from-file.js";
import { openHub } from "./hub/open-hub.js";

export type { OpenWeightsOptions };

/** Model folders are shallow (`vae/model.safetensors`); deeper ones are not looked into. */
const maxDepth = 4;

/**
 * @param spec a folder, a file, an URL of either, or `hf:owner/name[@revision][/path]` (kept in the cache of the hub's tools)
 * Throws `weights-not-found` for a missing path, `hub-*` and `download-*` for the hub, `url-*` for URLs.
 */
export async function openWeights(spec: string, options: OpenWeightsOptions = {}): Promise<WeightsSource> {
  if (isHubSpec(spec)) return openHub(spec, options);
  if (isUrl(spec)) return openUrl(spec, options);
  const path = spec.startsWith("file:") ? fileURLToPath(spec) : spec;
  return openPath(path);
}

async function openPath(spec: string): Promise<WeightsSource> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(spec)).isDirectory();
  } catch (cause) {
    const error = fileError(spec, cause, "read");
    if (error instanceof RevqError && error.code === "file-not-found") {
      throw new RevqError("weights-not-found", `The weights "${spec}" do not exist.`, {
        fix: looksLikeRepository(spec)
          ? `Give the path of a folder or of a file; for a repository of the Hugging Face hub write hf:${spec}.`
          : "Give the path of a folder or of a file with weights, an URL, or hf:owner/name.",
        cause,
      });
    }
    throw error;
  }
  const list = isFolder ? async () => (await readFolder(spec)).sort() : async () => [basename(spec)];
  return {
    spec,
    list,
    async open(name) {
      const names = await list();
      if (!names.includes(name)) throw unknownFile(spec, name, names);
      return fromFile(isFolder ? join(spec, ...name.split("/")) : spec);
    },
  };
}

async function readFolder(spec: string): Promise<string[]> {
  try {
    return await filesBelow(spec, "", maxDepth);
  } catch (cause) {
    throw fileError(spec, cause, "read");
  }
}

/** Symbolic links are followed (the hub's cache is made of them), but not back to a folder above; hidden names are left out. */
async function filesBelow(
  root: string,
  folder: string,
  depth: number,
  above: readonly string[] = [],
): Promise<string[]> {
  const path = join(root, folder);
  const real = await realpath(path);
  if (above.includes(real)) return [];
  const found: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const name = folder ? `${folder}/${entry.name}` : entry.name;
    const kind = entry.isSymbolicLink() ? await stat(join(root, name)).catch(() => undefined) : entry;
    if (kind?.isFile()) found.push(name);
    else if (kind?.isDirectory() && depth > 1)
      found.push(...(await filesBelow(root, name, depth - 1, [...above, real])));
  }
  return found;
}

function unknownFile(spec: string, name: string, names: readonly string[]): RevqError {
  const shown = names.slice(0, 20).join(", ") + (names.length > 20 ? `, … (${names.length} files)` : "");
  const near = nearestNames(name, names);
  return new RevqError("weights-file-missing", `${spec} has no file "${name}"; it has ${shown || "no files"}.`, {
    fix: near.length
      ? `Is it ${near.map((one) => `"${one}"`).join(" or ")}?`
      : "Point at the folder or file of the right model.",
  });
}

const looksLikeRepository = (spec: string): boolean => /^[\w-]+\/[\w.-]+$/.test(spec);
