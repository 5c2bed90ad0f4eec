/** What a tokenizer is made of. */
import type { Backbone, LatentShape, Quantizer, Rectifier } from "@revq/core";
import type { TokenizerConfig } from "./config.js";
import type { LatentSpace } from "./latent-space.js";

export interface TokenizerParts {
  readonly config: TokenizerConfig;
  readonly latentShape: LatentShape;
  /** Null for a tokenizer of latents, and where it was not brought up. */
  readonly backbone: Backbone | null;
  readonly space: LatentSpace;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  /** Called once by `dispose`, last: stops the engine that loading started. */
  readonly release?: () => void;
}
