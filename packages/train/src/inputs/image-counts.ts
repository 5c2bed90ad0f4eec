/** What became of everything that sources of images hold. */
import type { IndexedImageSource, SkippedImage } from "@revq/data";

/** `found` is the sum of the images that are used, the skipped ones and `passedOver`. */
export interface ImageCounts {
  /** Number of images that are used, or of latents. */
  readonly images: number;
  readonly found: number;
  readonly skipped: readonly SkippedImage[];
  /** Number of files, members of archives and rows of tables that are not images. */
  readonly passedOver: number;
}

/**
 * Counts after reading.
 * @param earlier skipped in an earlier start: the source may not know of them
 */
export function countImages(
  { found, passedOver, skipped: known }: Pick<IndexedImageSource, "found" | "passedOver" | "skipped">,
  earlier: readonly SkippedImage[] = [],
): ImageCounts {
  const names = new Set(known.map(({ name }) => name));
  const skipped = [...known, ...earlier.filter(({ name }) => !names.has(name))];
  return { images: found - passedOver - skipped.length, found, skipped, passedOver };
}

/** Of two sources together. */
export function sumCounts(a: ImageCounts, b: ImageCounts): ImageCounts {
  return {
    images: a.images + b.images,
    found: a.found + b.found,
    skipped: [...a.skipped, ...b.skipped],
    passedOver: a.passedOver + b.passedOver,
  };
}

export function countLatents(count: number): ImageCounts {
  return { images: count, found: count, skipped: [], passedOver: 0 };
}

/** For a closing line: "found 8, skipped 0, passed over 6". */
export function countsText({ found, skipped, passedOver }: ClosingCounts): string {
  const skips = typeof skipped === "number" ? skipped : skipped.length;
  return `found ${found}, skipped ${skips}, passed over ${passedOver}`;
}

/** Of joined parts the skipped images are a number. */
type ClosingCounts = Pick<ImageCounts, "found" | "passedOver"> & { readonly skipped: ImageCounts["skipped"] | number };
