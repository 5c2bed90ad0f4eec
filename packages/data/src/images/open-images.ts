/** One door for whatever the user names as images. */
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

/** @param spec `synthetic:dead-leaves`, or the path of a folder. */
export async function openImages(spec: string, options: OpenImagesOptions): Promise<IndexedImageSource> {
  if (!spec.startsWith(syntheticPrefix)) return openImageFolder(spec, options);
  const { size, seed, limit } = options;
  return openSynthetic(spec, {
    size,
    ...(seed === undefined ? {} : { seed }),
    ...(limit === undefined ? {} : { count: limit }),
  });
}
