/** A folder of images as an `ImageSource`. Subfolders and archives in it are read too. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { RevqError } from "@revq/core";
import type { OpenImagesOptions } from "./image-options.js";
import type { IndexedImageSource } from "./indexed-source.js";
import { openImages } from "./open-images.js";

export type ImageFolderOptions = Omit<OpenImagesOptions, "seed">;

/**
 * The images below `folder`, as centre crops (see `centreCrop`), ordered by
 * relative path in bytes. Unreadable files are added to `skipped` while iterating.
 * @throws RevqError `data-options`, `data-folder-missing`, `data-no-images`
 */
export async function openImageFolder(folder: string | URL, options: ImageFolderOptions): Promise<IndexedImageSource> {
  const root = folder instanceof URL ? fileURLToPath(folder) : resolve(folder);
  const info = await stat(root).catch(() => null);
  if (info && !info.isDirectory()) {
    throw new RevqError("data-folder-missing", `${root} is a file; a folder of images was expected.`, {
      fix: "Name the folder that the file is in.",
    });
  }
  if (!info) {
    throw new RevqError("data-folder-missing", `The image folder ${root} cannot be opened: it does not exist.`, {
      fix: "Name a folder that holds images.",
    });
  }
  return openImages(root, options);
}
