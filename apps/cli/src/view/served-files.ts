/** The files that `revq view` serves: mounts for the server, and `view.json`, which lists them for the page. */
import { RevqError } from "@revq/core";
import { openWeights } from "@revq/formats/node";
import { configFile, isRelativePath, modelFile, parseTokenizerConfig } from "@revq/tokenizer";
import type { Dirent } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { findFile, type Mount } from "./allowed-files.js";
import { servedImages, type ServedImages } from "./served-images.js";

export interface Served {
  readonly view: ViewJson;
  readonly mounts: readonly Mount[];
  /** Images that are not files of one folder. */
  readonly images: ServedImages | null;
  /** Other hosts that the page may fetch weights from: a config.json names them. */
  readonly origins: readonly string[];
}

/** The viewer's page reads it; URLs are relative to the page. */
interface ViewJson {
  readonly tokenizers: readonly {
    readonly name: string;
    readonly url: string;
    readonly weights: ServedWeights | null;
    /** Present for a tokenizer with the decoder of another VAE. */
    readonly decoderWeights?: ServedWeights | null;
  }[];
  readonly images: readonly { readonly name: string; readonly url: string }[];
}

interface ServedWeights {
  readonly url: string;
  readonly files: readonly string[];
}

/** The served files of a tokenizer's folder. The rest of a run is large and not needed. */
const tokenizerFiles = [configFile, modelFile, "README.md", "run/metrics.jsonl"];
const weightsFile = /\.(safetensors|pth|pt|json)$/;
const imageFile = /\.(png|jpe?g|webp)$/i;
/** The page shows a thumbnail of every image. */
const maxImages = 500;

export interface ServedRequest {
  readonly tokenizers: readonly string[];
  readonly images: readonly string[] | undefined;
  /** Replaces the weights that config.json names. */
  readonly weights: string | undefined;
  readonly decoderWeights?: string | undefined;
}

/** @throws RevqError `not-a-tokenizer`, `data-folder-missing`, before anything is served */
export async function collectServed({ tokenizers, images, weights, decoderWeights }: ServedRequest): Promise<Served> {
  const mounts: Mount[] = [];
  const origins = new Set<string>();
  const names = distinct(tokenizers.map((folder) => basename(resolve(folder))));
  const listed: ViewJson["tokenizers"][number][] = [];
  for (const [index, folder] of tokenizers.entries()) {
    const config = await readConfig(folder);
    mounts.push({ prefix: `/tokenizers/${index}/`, folder: resolve(folder), files: new Set(tokenizerFiles) });
    const serve = async (
      saved: string | null,
      given: string | undefined,
      prefix: string,
    ): Promise<ServedWeights | null> => {
      const named = given ?? (config.backbone?.embedded ? null : saved);
      const path = named !== null && given === undefined && isRelativePath(named) ? join(folder, named) : named;
      const remote = path === null ? undefined : remoteOrigins(path);
      remote?.forEach((origin) => origins.add(origin));
      const mount = path === null || remote ? null : await weightsMount(path, prefix);
      if (mount) mounts.push(mount);
      return mount && { url: mount.prefix.slice(1), files: [...mount.files!] };
    };
    const decoder = config.backbone?.decoder;
    listed.push({
      name: names[index]!,
      url: `tokenizers/${index}/`,
      weights: await serve(config.backbone?.weights ?? null, weights, `/weights/${index}/`),
      ...(decoder
        ? { decoderWeights: await serve(decoder.weights, decoderWeights, `/decoder-weights/${index}/`) }
        : {}),
    });
  }
  const folder = images?.length === 1 && (await isPlainFolder(images[0]!)) ? images[0]! : null;
  const files = folder === null ? [] : await listImages(folder);
  const found = images === undefined || files.length > 0 ? null : await openServedImages(images);
  if (files.length > 0) mounts.push({ prefix: "/images/", folder: resolve(folder!), files: new Set(files) });
  return {
    mounts,
    origins: [...origins],
    view: {
      tokenizers: listed,
      images: found?.listed ?? files.map((name) => ({ name, url: `images/${encodePath(name)}` })),
    },
    images: found,
  };
}

/** A folder whose images the browser reads itself: there are no archives or other formats in it. */
async function isPlainFolder(path: string): Promise<boolean> {
  const names = await readdir(path, { recursive: true }).catch(() => null);
  return names !== null && !names.some((name) => /\.(tar|parquet|pq|avif|gif|tiff?)$/i.test(name));
}

async function openServedImages(sources: readonly string[]): Promise<ServedImages> {
  const { openImages } = await import("@revq/data");
  return servedImages(await openImages(sources, { size: 1 }), maxImages);
}

async function readConfig(folder: string): Promise<ReturnType<typeof parseTokenizerConfig>> {
  const path = join(folder, configFile);
  let text: string;
  try {
    text = await readFile(path, "utf8");
    await stat(join(folder, modelFile));
  } catch (cause) {
    throw new RevqError(
      "not-a-tokenizer",
      `${folder} is not a tokenizer: it has no ${configFile} or no ${modelFile}.`,
      { fix: "Name the folder that `revq train` wrote (--out).", cause },
    );
  }
  return parseTokenizerConfig(text, path);
}

/** The hosts of weights on the hub or behind a URL, which the page must be allowed to read. Undefined for a path. */
function remoteOrigins(spec: string): string[] | undefined {
  // The hub redirects to its file stores.
  if (spec.startsWith("hf:")) return ["https://huggingface.co", "https://*.huggingface.co", "https://*.hf.co"];
  return /^https?:\/\//i.test(spec) ? [new URL(spec).origin] : undefined;
}

/** Null for a missing path: the page then shows the codebooks only, and reports the missing weights. */
async function weightsMount(path: string, prefix: string): Promise<Mount | null> {
  const status = await stat(path).catch(() => null);
  if (!status) return null;
  const files = (await (await openWeights(path)).list()).filter((name) => weightsFile.test(name));
  return { prefix, folder: resolve(status.isDirectory() ? path : dirname(path)), files: new Set(files) };
}

/** Relative paths, by name, without hidden files and folders and without links that lead out of the folder. */
async function listImages(folder: string): Promise<string[]> {
  const root = resolve(folder);
  let entries: Dirent[];
  try {
    // `withFileTypes` lists links to folders without following them: they may lead back up.
    entries = await readdir(root, { recursive: true, withFileTypes: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new RevqError("data-folder-missing", `The image folder ${folder} cannot be read (${code}).`, {
      fix: "Name an existing folder with --images.",
      cause,
    });
  }
  const images = entries
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)).replaceAll("\\", "/"))
    .filter((name) => imageFile.test(name) && !name.split("/").some((part) => part.startsWith(".")))
    .sort()
    .slice(0, maxImages);
  const mount: Mount = { prefix: "/", folder: root };
  const found = await Promise.all(images.map((name) => findFile([mount], `/${encodePath(name)}`)));
  return images.filter((_, i) => found[i]!.status === 200);
}

function encodePath(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}

/** Folders of the same name get a number. */
function distinct(names: readonly string[]): string[] {
  return names.map((name, i) => (names.indexOf(name) === i ? name : `${name} (${i + 1})`));
}
