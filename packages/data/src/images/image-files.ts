/**
 * Image files that the user named one by one. An unreadable file is an error; it is not skipped.
 */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { RevqError } from "@revq/core";
import { centreCrop } from "../pixels/crop.js";
import { decodeImage, defaultPixelLimit } from "./decode.js";
import { imageList, type IndexedImageSource } from "./indexed-source.js";
import { systemReason } from "./list-files.js";

export interface ImageFilesOptions {
  /** Side of the square crops in pixels. */
  readonly size: number;
  /** Images of more pixels are refused; default 100 million. */
  readonly pixelLimit?: number;
}

/**
 * @param paths the images' names, in the order of delivery
 * @throws RevqError `image-unreadable`, while iterating
 */
export async function openImageFiles(
  paths: readonly string[],
  { size, pixelLimit = defaultPixelLimit }: ImageFilesOptions,
): Promise<IndexedImageSource> {
  return imageList({
    description: paths.length === 1 ? paths[0]! : `${paths.length} files`,
    size,
    names: paths,
    concurrency: Math.min(8, availableParallelism()),
    make: async (path) => {
      const bytes = await readFile(path).catch((cause: unknown) => {
        throw unreadable(path, systemReason(cause), cause);
      });
      const image = await decodeImage(bytes, pixelLimit).catch((cause: unknown) => {
        throw unreadable(path, cause instanceof Error ? cause.message : String(cause), cause);
      });
      return centreCrop(image, size);
    },
  });
}

function unreadable(path: string, reason: string, cause: unknown): RevqError {
  return new RevqError("image-unreadable", `The image ${path} cannot be read: ${reason}.`, {
    fix: "Name jpeg, png or webp files.",
    cause,
  });
}
