/** Shape checks of metrics. */
import { RevqError } from "@revq/core";

/** Throws `metric-shape` unless both have the same length above 0. */
export function checkSameLength(what: string, a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length || a.length === 0) {
    throw new RevqError(
      "metric-shape",
      `${what} needs two arrays of one length above 0; got ${a.length} and ${b.length} values.`,
      { fix: "Compare arrays of the same images at the same size." },
    );
  }
}

/** Throws `metric-shape` unless `image` is `[height, width, channels]`. */
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
