/**
 * The accumulators of one evaluation and the metrics that they give. Those of several processes can
 * be merged.
 */
import type { LatentDetails } from "@revq/report";
import { channelShares, tokenGrid, type Tokenizer } from "@revq/tokenizer";
import type { TokenizerMetrics } from "../run/records.js";
import type { ImageMetricsAccumulator } from "./image-accumulator.js";
import type { LatentMetricsAccumulator, MeasuredShape } from "./latent-accumulator.js";

export interface MetricAccumulators {
  readonly latents: LatentMetricsAccumulator;
  /** Null where there are no images. */
  readonly images: ImageMetricsAccumulator | null;
}

export interface MeasuredTokenizer {
  readonly metrics: TokenizerMetrics;
  readonly details: LatentDetails;
}

const withoutImages = {
  psnr: null,
  ssim: null,
  msSsim: null,
  lpips: null,
  rfid: null,
  inceptionScore: null,
  squeezenetFrechet: null,
} as const;

export function measuredShape({ parts, layout, bitsPerImage }: Tokenizer): MeasuredShape {
  const { metric, standardizer } = parts.space;
  const shares = channelShares(metric, standardizer.statistics);
  const { latentShape, space } = parts;
  const grid = tokenGrid(layout, latentShape, space.transform.layout);
  return { latentShape, layout, grid, bitsPerImage, channelShares: shares };
}

/** Throws `no-codes` when nothing was measured. */
export function summarizeMetrics({ latents, images }: MetricAccumulators): MeasuredTokenizer {
  const ofImages = images?.result() ?? null;
  return {
    metrics: {
      ...latents.result(),
      ...withoutImages,
      ...ofImages?.reconstructed,
      vae: ofImages?.vae ?? null,
      oldDecoder: ofImages?.oldDecoder ?? null,
    },
    details: latents.details(),
  };
}
