/** Opens the weights that the user named: a folder, a file, a URL or a repository of the hub. */
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { RevqError, type ByteSource, type WeightsSource } from "@revq/core";
import { isHubSpec } from "../hub/spec.js";
import { isUrl, openUrl } from "../open-url.js";
import { unknownFile } from "../unknown-file.js";
import type { OpenWeightsOptions } from "../weights-options.js";
import { fileError } from "./file-error.js";
import { fromFile } from "./from-file.js";
import { openHub } from "./hub/open-hub.js";

export type { OpenWeightsOptions };

/** Deeper folders are not searched: model folders are shallow (`vae/model.safetensors`). */
const maxDepth = 4;

/**
 * @param spec a folder, a file, a URL of either, or `hf:owner/name[@revision][/path]` (stored in
 * the cache of the hub's tools)
 * @throws RevqError `weights-not-found` for a missing path, `hub-*`, `download-*`, `url-*`
 * @example
 * import { tmpdir } from "node:os";
 * const path = `${tmpdir()}/revq-example.safetensors`;
 * await writeFileAtomic(path, writeSafetensors([{ name: "a", shape: [1], data: new Float32Array(1) }]));
 * const weights = await openWeights(path);
 * await weights.list(); // => ["revq-example.safetensors"]
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
          ? `Give the path of a folder or file, or hf:${spec} for a repository of the Hugging Face hub.`
          : "Give the path of a folder or file with weights, a URL, or hf:owner/name.",
        setting: { path: "backbone.weights" },
        cause,
      });
    }
    throw error;
  }
  const folder = isFolder ? await withoutCache(spec) : spec;
  const list = isFolder ? async () => (await readFolder(folder)).sort() : async () => [basename(spec)];
  return {
    spec,
    list,
    async open(name) {
      const names = await list();
      if (!names.includes(name)) throw unknownFile(spec, name, names, "Name the folder or file of the right model.");
      return fromFile(isFolder ? join(folder, ...name.split("/")) : spec);
    },
    ...(isFolder ? {} : { beside: (name) => besideFile(spec, name) }),
  };
}

/** Of a repository in the hub's cache (`models--owner--name`), the folder of its files; else the folder itself. */
async function withoutCache(folder: string): Promise<string> {
  const snapshots = join(folder, "snapshots");
  const commits: string[] = await readdir(snapshots).catch(() => []);
  const main = await readFile(join(folder, "refs", "main"), "utf8").catch(() => "");
  const commit = commits.find((name) => name === main.trim()) ?? (commits.length === 1 ? commits[0] : undefined);
  return commit !== undefined && /^models--/.test(basename(resolve(folder))) ? join(snapshots, commit) : folder;
}

async function besideFile(spec: string, name: string): Promise<ByteSource | undefined> {
  const path = join(dirname(spec), name);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return isFile ? fromFile(path) : undefined;
}

async function readFolder(spec: string): Promise<string[]> {
  try {
    return await filesBelow(spec, "", maxDepth);
  } catch (cause) {
    throw fileError(spec, cause, "read");
  }
}

/**
 * Follows symbolic links (the hub's cache consists of them), except to a folder above. Leaves out
 * hidden names.
 */
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

const looksLikeRepository = (spec: string): boolean => /^[\w-]+\/[\w.-]+$/.test(spec);
