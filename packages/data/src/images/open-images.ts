/** Opens the images that the user named: a folder, archives, or a procedural source. */
import { findArchives, openArchives } from "./archives.js";
import { openImageFolder } from "./image-folder.js";
import type { OpenImagesOptions } from "./image-options.js";
import type { IndexedImageSource } from "./indexed-source.js";
import { openSynthetic, syntheticPrefix } from "./synthetic.js";

/**
 * @param spec `synthetic:dead-leaves`, a folder of images, or archives: a `.tar` or `.parquet`
 * file, a folder or URL of them, or `train-{0000..0146}.tar`
 * @throws RevqError `data-*`, `archives-*`, `tar-*`, `parquet-*`
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
