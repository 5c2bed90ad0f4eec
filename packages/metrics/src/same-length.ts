/** The check that every comparison of two arrays begins with. */
import { RevqError } from "@revq/core";

/** Throws `metric-shape` unless both hold the same, positive number of values. */
export function checkSameLength(what: string, a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length || a.length === 0) {
    throw new RevqError(
      "metric-shape",
      `${what} compares two arrays of one size; got ${a.length} and ${b.length} values.`,
      {
        fix: "Both must come from the same images, at the same size.",
      },
    );
  }
}

/** Throws `metric-shape` unless `image` is [height, width, channels]. */
export function checkImage(
  what: string,
  image: ArrayLike<number>,
  height: number,
  width: number,
  channels: number,
): void {
  const sizes = [height, width, channels];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0) || image.length !== height * width * channels) {
    throw new RevqError("metric-shape", `${what} expected an image [${sizes.join(", ")}]; got ${image.length} values.`);
  }
}
