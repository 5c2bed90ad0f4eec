/** One door for whatever the user names as images. */
import { findArchives, openArchives } from "./archives.js";
import { openImageFolder } from "./image-folder.js";
import type { IndexedImageSource } from "./indexed-source.js";
import { openSynthetic, syntheticPrefix } from "./synthetic.js";

export interface OpenImagesOptions {
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Only the first so many by name; of a procedural source how many there are. */
  readonly limit?: number;
  /** Of a procedural source. */
  readonly seed?: number;
  readonly concurrency?: number;
}

/**
 * @param spec `synthetic:dead-leaves`, the path of a folder of images, or archives: `.tar` and `.parquet` files, folders of them, URLs
 *   of them, `train-{0000..0146}.tar`
 */
export async function openImages(spec: string, options: OpenImagesOptions): Promise<IndexedImageSource> {
  if (!spec.startsWith(syntheticPrefix)) {
    const archives = await findArchives(spec);
    return archives ? openArchives(spec, archives, options) : openImageFolder(spec, options);
  }
  const { size, seed, limit } = options;
  return openSynthetic(spec, {
    size,
    ...(seed === undefined ? {} : { seed }),
    ...(limit === undefined ? {} : { count: limit }),
  });
}
