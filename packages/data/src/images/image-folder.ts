/**
 * A folder of images as an `ImageSource`. Subfolders are read too. Images are decoded while the
 * previous batch is in use.
 */
import { readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { RevqError } from "@revq/core";
import { centreCrop } from "../pixels/crop.js";
import { decodeImage, defaultPixelLimit } from "./decode.js";
import { imageList, type IndexedImageSource } from "./indexed-source.js";
import { listImageFiles, readHead, systemReason, type FoundFiles } from "./list-files.js";
import { sniffFormat } from "./sniff.js";

export interface ImageFolderOptions {
  /** Side of the square crops in pixels. */
  readonly size: number;
  /** Only the first so many by name. */
  readonly limit?: number;
  /** Number of files decoded at once; default: the number of processors, at most 8. */
  readonly concurrency?: number;
  /** Images of more pixels are skipped; default 100 million. */
  readonly pixelLimit?: number;
}

/**
 * The jpeg, png and webp images below `folder`, as centre crops (see `centreCrop`), ordered by
 * relative path in bytes. Unreadable files are added to `skipped` while iterating.
 * @throws RevqError `data-options`, `data-folder-missing`, `data-no-images`
 */
export async function openImageFolder(folder: string | URL, options: ImageFolderOptions): Promise<IndexedImageSource> {
  const { size, limit, concurrency = Math.min(8, availableParallelism()), pixelLimit = defaultPixelLimit } = options;
  requirePositive("The image size", size, "data.imageSize");
  if (limit !== undefined) requirePositive("The limit", limit, "data.limit");
  const root = folder instanceof URL ? fileURLToPath(folder) : resolve(folder);
  await requireFolder(root);
  const found = await listImageFiles(root);
  const names = limit === undefined ? found.candidates : found.candidates.slice(0, limit);
  await requireOneImage(root, names, found);
  return imageList({
    description: root,
    size,
    names,
    skipped: found.skipped,
    concurrency,
    sizeOf: (name) =>
      stat(join(root, name)).then(
        ({ size: bytes }) => bytes,
        () => 0,
      ),
    make: async (name) => centreCrop(await decodeImage(await readImageFile(join(root, name)), pixelLimit), size),
  });
}

async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(systemReason(error), { cause: error });
  }
}

function requirePositive(what: string, value: number, path: string): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new RevqError("data-options", `${what} must be a positive integer, got ${value}.`, { setting: { path } });
}

async function requireFolder(root: string): Promise<void> {
  const info = await stat(root).catch((error: unknown) => {
    throw new RevqError("data-folder-missing", `The image folder ${root} cannot be opened: ${folderReason(error)}.`, {
      fix: "Name a folder that holds jpeg, png or webp images.",
      cause: error,
    });
  });
  if (info.isDirectory()) return;
  throw new RevqError("data-folder-missing", `${root} is a file; a folder of images was expected.`, {
    fix: "Name the folder that the file is in.",
  });
}

function folderReason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === "ENOENT" ? "it does not exist" : systemReason(error);
}

/** Fails early when no candidate begins like an image. */
async function requireOneImage(root: string, names: readonly string[], found: FoundFiles): Promise<void> {
  let wrong = "";
  for (const name of names) {
    const head = await readHead(join(root, name)).catch((error: unknown) => systemReason(error));
    const kind = typeof head === "string" ? { looksLike: head } : sniffFormat(head);
    if ("format" in kind) return;
    wrong ||= `${name}: ${kind.looksLike}`;
  }
  const others = [
    names.length ? `${names.length} named like images, but with other content (${wrong})` : "",
    found.skipped.length
      ? `${found.skipped.length} of other kinds (${found.skipped[0]!.name}: ${found.skipped[0]!.reason})`
      : "",
    found.ignored ? `${found.ignored} that are not images` : "",
  ].filter(Boolean);
  throw new RevqError(
    "data-no-images",
    `${root} holds no readable image. Files found: ${others.join(", ") || "none"}.`,
    { fix: "Name a folder that holds jpeg, png or webp images, in it or in its subfolders." },
  );
}
