/** Parts of a list of images, chosen by position, without decoding any. */
import { createRandom, RevqError } from "@revq/core";
import type { IndexedImageSource } from "./indexed-source.js";

/** The first `limit` images by name; the source itself when it has no more. */
export function takeImages(source: IndexedImageSource, limit: number): IndexedImageSource {
  if (limit >= source.count) return source;
  return source.select(Array.from({ length: limit }, (_, index) => index));
}

/**
 * Holds out `round(fraction * count)` images, at least one, chosen by the seed and the number of images alone; both parts
 * keep the order of the source. Throws `data-too-few-images` below two images.
 * @param fraction in (0, 1)
 */
export function splitImages(
  source: IndexedImageSource,
  fraction: number,
  seed: number,
): { train: IndexedImageSource; val: IndexedImageSource } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new RevqError("data-options", `The held-out fraction must be between 0 and 1, got ${fraction}.`, {
      exitCode: 2,
    });
  }
  if (source.count < 2) {
    throw new RevqError(
      "data-too-few-images",
      `${source.description} has ${source.count} image(s): at least 2 are needed to hold one out for validation.`,
      { fix: "Add images, or name a validation folder." },
    );
  }
  const heldOut = Math.min(source.count - 1, Math.max(1, Math.round(fraction * source.count)));
  const chosen = new Set(createRandom(seed).fork("hold out").sample(source.count, heldOut));
  const indices = Array.from({ length: source.count }, (_, index) => index);
  return {
    train: source.select(indices.filter((index) => !chosen.has(index))),
    val: source.select(indices.filter((index) => chosen.has(index))),
  };
}
