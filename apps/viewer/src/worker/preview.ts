/**
 * A picture soon after an edit. The changed area alone is decoded, with its surroundings, before and after; the difference
 * goes onto the picture that was decoded last. Normalization and attention over the whole latent see the area alone, so the
 * picture is near the exact one, and not equal to it.
 */
import type { Backbone, LatentShape } from "@revq/core";
import type { LatentSpace } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

/** What was decoded as a whole. */
export interface Decoded {
  /** Standardized latents `[h, w, c]`. */
  readonly latents: Float32Array;
  /** `[size, size, 3]` in about [-1, 1]. */
  readonly pixels: Float32Array;
  /** Of these latents, what an area alone gives: a second edit at one place needs it again. */
  readonly part: Part | null;
}

export interface Part {
  readonly area: Area;
  /** `[rows, columns, 3]` of the area, in about [-1, 1]. */
  readonly pixels: Float32Array;
}

/** Rows and columns of latents. */
export interface Area {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A position has changed if it differs by more than this share of the largest difference: attention changes all a little. */
const threshold = 0.05;
/** Latents around the area that are decoded with it. */
const surroundings = 3;
/** The largest area, as a share of the whole latent. */
const worthwhile = 0.3;

/** Both `[h, w, c]`. @returns the smallest area with all that has changed, and its surroundings; null if nothing has */
export function changedArea(
  before: Float32Array,
  after: Float32Array,
  { channels, height, width }: LatentShape,
): Area | null {
  const changes = new Float32Array(height * width);
  before.forEach((value, i) => {
    const position = Math.floor(i / channels);
    changes[position] = Math.max(changes[position]!, Math.abs(value - after[i]!));
  });
  const least = threshold * changes.reduce((max, change) => Math.max(max, change), 0);
  let [top, left, bottom, right] = [height, width, -1, -1];
  changes.forEach((change, position) => {
    if (change <= least) return;
    const [y, x] = [Math.floor(position / width), position % width];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
  });
  if (bottom < 0) return null;
  [top, left] = [Math.max(0, top - surroundings), Math.max(0, left - surroundings)];
  [bottom, right] = [Math.min(height - 1, bottom + surroundings), Math.min(width - 1, right + surroundings)];
  return { top, left, height: bottom - top + 1, width: right - left + 1 };
}

/**
 * The pixels of `latents`, `[h, w, c]` standardized, and their part that was decoded. Null where the whole is as fast, and
 * for a decoder that takes latents of one size only.
 */
export async function previewPixels(
  decoder: Backbone,
  space: Pick<LatentSpace, "unstandardize">,
  shape: LatentShape,
  before: Decoded,
  latents: Float32Array,
): Promise<{ readonly pixels: Float32Array; readonly part: Part } | null> {
  const changed = changedArea(before.latents, latents, shape);
  if (!changed) return null;
  const known = before.part && contains(before.part.area, changed) ? before.part : null;
  const area = known?.area ?? changed;
  if (area.height * area.width > worthwhile * shape.height * shape.width) return null;
  const decode = async (values: Float32Array): Promise<Float32Array> => {
    const part = tf.tidy(() => {
      const whole = space.unstandardize(tf.tensor4d(values, [1, shape.height, shape.width, shape.channels]));
      return tf.slice(whole, [0, area.top, area.left, 0], [1, area.height, area.width, shape.channels]);
    });
    try {
      const image = await decoder.decode(part);
      const pixels = (await image.data()) as Float32Array;
      image.dispose();
      return pixels;
    } finally {
      part.dispose();
    }
  };
  try {
    const old = known?.pixels ?? (await decode(before.latents));
    const now = await decode(latents);
    return { pixels: addDifference(before.pixels, old, now, area, shape), part: { area, pixels: now } };
  } catch {
    return null;
  }
}

function contains(outer: Area, inner: Area): boolean {
  return (
    outer.top <= inner.top &&
    outer.left <= inner.left &&
    outer.top + outer.height >= inner.top + inner.height &&
    outer.left + outer.width >= inner.left + inner.width
  );
}

/** The difference of two decoded areas goes onto the pixels of the whole. */
function addDifference(
  pixels: Float32Array,
  old: Float32Array,
  now: Float32Array,
  { top, left, height, width }: Area,
  shape: LatentShape,
): Float32Array {
  const result = pixels.slice();
  /** Pixels a latent. */
  const scale = Math.sqrt(pixels.length / (3 * shape.height * shape.width));
  const row = width * scale * 3;
  for (let y = 0; y < height * scale; y++) {
    const start = ((top * scale + y) * shape.width * scale + left * scale) * 3;
    for (let i = 0; i < row; i++) result[start + i]! += now[y * row + i]! - old[y * row + i]!;
  }
  return result;
}
