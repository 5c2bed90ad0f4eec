/** Images or latents that become samples. */
import type { ListedImage, SkippedImage } from "@revq/data";
import type { Augmentation } from "../job/plan.js";
import type { Labelled } from "../labels/label-types.js";

export interface SampleSource extends Labelled {
  readonly input: "images" | "latents";
  /** For people. */
  readonly description: string;
  readonly augment: Augmentation;
  /** Side of the images that are read, before crops, in pixels; null for latents. */
  readonly size: number | null;
  /** Samples of an image. */
  readonly crops: number;
  /** Sweeps after the first search. */
  readonly effort: number;
  /** All images, also those that cannot be read. */
  list(): Promise<ListedImage[]>;
  /**
   * Encodes the images from `from` to `to` (exclusive), batch by batch. Batches do not cross ranges, so
   * a range gives the same ids whatever else is encoded. After an abort it gives the finished batches.
   */
  encode(from: number, to: number, context: EncodeContext): Promise<EncodedRange>;
}

export interface EncodeContext {
  readonly signal: AbortSignal;
  /** Gets the images that are done. */
  readonly onBatch: (images: number) => void;
}

export interface EncodedRange {
  /** The images that could be read, ascending. */
  readonly images: readonly number[];
  /** Codes `[images * crops, t]`. */
  readonly codes: Int32Array;
  readonly skipped: readonly SkippedImage[];
}
