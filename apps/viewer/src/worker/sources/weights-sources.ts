/**
 * Folders as `WeightsSource`: on a server, which cannot list (so the names are given), or dropped
 * on the page.
 */
import { RevqError, type ByteSource, type WeightsSource } from "@revq/core";
import { fromBlob, fromUrl } from "@revq/formats";
import { openWeights } from "@revq/formats/weights";
import type { DroppedFile, LoadProgress } from "../../protocol/messages.js";
import { inBlocks } from "./block-source.js";
import { rangeCache } from "./range-cache.js";

export interface OpenContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LoadProgress) => void;
}

/** Files that are read before they are asked for, by address. */
const early = new Map<string, Promise<ByteSource>>();

/** Starts to read these files of a folder: the next `remoteFolder` of that address has them sooner. */
export function readAhead(url: string, files: readonly string[]): void {
  const fetch = rangeCache();
  for (const name of files) {
    const address = addressOf(url, name);
    if (early.has(address)) continue;
    const opened = fromUrl(address, { fetch }).then((source) => inBlocks(source, () => {}));
    early.set(address, opened);
    // Errors are those of the one who asks for the file.
    opened.then((source) => source.read(0, source.size)).catch(() => {});
  }
}

function addressOf(url: string, name: string): string {
  const path = name.split("/").map(encodeURIComponent).join("/");
  return new URL(path, url.endsWith("/") ? url : `${url}/`).href;
}

/** @param files names relative to `url`, as a listing would give them */
export function remoteFolder(
  url: string,
  files: readonly string[],
  { signal, onProgress }: OpenContext,
): WeightsSource {
  const fetch = rangeCache();
  return {
    spec: url.replace(/\/$/, ""),
    list: async () => files,
    async open(name) {
      requireName(url, name, files);
      const address = addressOf(url, name);
      const read = early.get(address);
      early.delete(address);
      const source = await (read ?? fromUrl(address, { fetch, signal }));
      return inBlocks(source, (done, total) => onProgress({ file: name, done, total }));
    },
  };
}

/** An URL or `hf:owner/name`, listed as far as that goes. */
export async function remoteSource(spec: string, { signal, onProgress }: OpenContext): Promise<WeightsSource> {
  const source = await openWeights(spec, { fetch: rangeCache(), signal });
  return {
    ...source,
    open: async (name) => inBlocks(await source.open(name), (done, total) => onProgress({ file: name, done, total })),
  };
}

export function droppedFolder(
  spec: string,
  files: readonly DroppedFile[],
  { signal, onProgress }: OpenContext,
): WeightsSource {
  const names = files.map(({ path }) => path);
  return {
    spec,
    list: async () => names,
    async open(name): Promise<ByteSource> {
      signal.throwIfAborted();
      requireName(spec, name, names);
      const { file } = files.find(({ path }) => path === name)!;
      return inBlocks(fromBlob(file, name), (done, total) => onProgress({ file: name, done, total }));
    },
  };
}

function requireName(spec: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new RevqError(
    "weights-file-missing",
    `${spec} has no file "${name}"; it has ${names.join(", ") || "no files"}.`,
  );
}
