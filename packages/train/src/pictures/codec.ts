/** The parts of a tokenizer that picture steps read and train. */
import type { Quantizer, Rectifier } from "@revq/core";
import type { LatentSpace } from "@revq/tokenizer";

export interface PictureCodec {
  readonly space: Pick<LatentSpace, "inverse" | "inMetric" | "unstandardize">;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
}
