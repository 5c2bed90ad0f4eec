/** Where the user says the weights are: a folder or a file. The one place that reads a weights spec. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { nearestNames, RevqError, type WeightsSource } from "@revq/core";
import { fileError } from "./file-error.js";
import { fromFile } from "./from-file.js";

/** Model folders are shallow (`vae/model.safetensors`); deeper ones are not looked into. */
const maxDepth = 4;

/**
 * Opens a folder or a single file. Throws `weights-not-found` for a missing path, `weights-remote` for `hf:` and URLs, which this
 * version does not download.
 */
export async function openWeights(spec: string): Promise<WeightsSource> {
  if (/^hf:/.test(spec)) {
    const repository = spec.slice(3).split("/").slice(0, 2).join("/").replace(/@.*$/, "");
    throw new RevqError(
      "weights-remote",
      `"${spec}" names a Hugging Face repository; this version reads local files only.`,
      {
        fix: `Download it (hf download ${repository} --local-dir FOLDER) and give the folder's path.`,
      },
    );
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(spec)) {
    throw new RevqError("weights-remote", `"${spec}" is an URL; this version reads local weights only.`, {
      fix: "Download the file and give its path.",
    });
  }
  let isFolder: boolean;
  try {
    isFolder = (await stat(spec)).isDirectory();
  } catch (cause) {
    const error = fileError(spec, cause, "read");
    if (error instanceof RevqError && error.code === "file-not-found") {
      throw new RevqError("weights-not-found", `The weights "${spec}" do not exist.`, {
        fix: "Give the path of a folder or of a file with weights.",
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
