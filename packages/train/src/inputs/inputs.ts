/** What a run is given and what it trains on, however that was obtained. */
import type { Backbone, LatentSource, PluginRegistry, ReportProgress, WeightsSource } from "@revq/core";
import type { TokenizerConfig } from "@revq/tokenizer";
import { bytesOfSize, type RunConfig } from "../config/schema.js";
import type { Photographs } from "../pictures/photographs.js";
import type { ImageCounts } from "./image-counts.js";
import type { SampleImages, TrainingImages } from "./images.js";

export interface TrainDependencies {
  readonly plugins: PluginRegistry;
  readonly openWeights: (spec: string) => Promise<WeightsSource>;
  readonly sampleImages: SampleImages;
  /** Id of the running engine, for the result. */
  readonly engine: string;
  readonly report: ReportProgress;
  /** A line for the user: a choice that was made, a file that was skipped. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
  /** How to use a tokenizer, in Markdown, for its model card. Default: a short program. */
  readonly usage?: (config: TokenizerConfig) => string;
}

export interface TrainingInputs {
  /** Latents as the backbone gives them. */
  readonly train: LatentSource;
  readonly val: LatentSource;
  readonly backbone: Backbone | null;
  readonly backboneConfig: TokenizerConfig["backbone"];
  readonly images: TrainingImages | null;
  /** By the index of the latent; null where there are latents alone. */
  readonly photographs: { readonly train: Photographs; readonly val: Photographs } | null;
  /** Side of the images that the latents are of; null when it is not known. */
  readonly imageSize: number | null;
  /** For people: "800 images of photos/". */
  readonly trainedOn: string;
  readonly heldOut: string;
  /** Of the training and the held-out images together, or of their latents. */
  readonly counts: ImageCounts;
  /** Time that it took to encode. */
  readonly seconds: number;
}

/**
 * Bytes of memory for latents and for ids, and for a fit of codebooks, while there are no ids yet.
 */
export function dataMemory({ data }: RunConfig): { latents: number; ids: number; fit: number } {
  const all = bytesOfSize(data.memory);
  return { latents: all * 0.6, ids: all * 0.2, fit: all * 0.4 };
}
