/** The parts of a tokenizer. */
import type { Backbone, LatentShape, Quantizer, Rectifier } from "@revq/core";
import type { TokenizerConfig } from "./config.js";
import type { AdaptedDecoder } from "./decoder.js";
import type { LatentSpace } from "./latent-space.js";

export interface TokenizerParts {
  readonly config: TokenizerConfig;
  readonly latentShape: LatentShape;
  /** Null for a tokenizer of latents, and when opened without its backbone. */
  readonly backbone: Backbone | null;
  readonly space: LatentSpace;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  /** Makes images in place of the backbone's decoder. Null: it is not adapted, or there is no backbone. */
  readonly decoder: AdaptedDecoder | null;
  /** `dispose` calls it last and once: it stops the engine that loading started. */
  readonly release?: () => void;
}
