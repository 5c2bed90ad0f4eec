/**
 * What training reads from: images and latents, on whatever they are stored. Implementations live
 * in `@revq/data`.
 */
import type { LatentShape } from "./latent-shape.js";

/**
 * An image as other libraries hold it: a browser's ImageData, `{ data, ...info }` of sharp's
 * `raw().toBuffer({ resolveWithObject: true })`, float32 of a model.
 */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  /** Row-major RGB or RGBA (alpha is ignored): bytes from 0 to 255, or float32 in [-1, 1]. */
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
}

/** Images of one size. `pixels` is `[n, size, size, 3]` float32 in [-1, 1], row-major. */
export interface ImageBatch {
  /** One name an image, unique in its source: the relative path for a folder. */
  readonly names: readonly string[];
  readonly size: number;
  readonly pixels: Float32Array;
}

/** A finite list of images, always delivered in the same order. */
export interface ImageSource {
  /** For messages, such as a folder's path or `synthetic:dead-leaves`. */
  readonly description: string;
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Number of images, unreadable ones included. */
  readonly count: number;
  /**
   * Delivers every readable image once; the last batch may be smaller. Breaking out of the loop
   * releases what it holds.
   */
  batches(batchSize: number): AsyncIterable<ImageBatch>;
  /** The unreadable images so far, with the reasons. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** Latents with random access. Values are channel-last: one row is `[h, w, c]`, flat. */
export interface LatentSource {
  readonly shape: LatentShape;
  readonly count: number;
  /** float32 `[indices.length, h, w, c]`. The result is the caller's. */
  read(indices: ArrayLike<number>): Promise<Float32Array>;
  /**
   * Mean and variance of all of them, where they are known without reading them; null where they
   * are not.
   */
  moments?(): Promise<Moments | null>;
  /**
   * Of coefficients: the variance of every coefficient of a transform's block, `[rows, columns, c]`
   * flat. Absent where all elements vary alike.
   */
  readonly variances?: Float64Array;
}

/** Mean and variance of every element of a latent, as sums. */
export interface Moments {
  /** Latents. */
  readonly count: number;
  /** `[elements]` */
  readonly mean: Float64Array;
  /** Sums of squared deviations from the mean, `[elements]`. */
  readonly squares: Float64Array;
}
