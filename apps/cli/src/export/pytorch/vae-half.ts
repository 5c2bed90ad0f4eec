import type { NamedArrays } from "@revq/core";

/** What describes the encoder or the decoder of a VAE. */
export interface VaeHalf {
  readonly half: "encoder" | "decoder";
  readonly options: Readonly<Record<string, unknown>>;
  /** Of the whole VAE, in PyTorch's layout. */
  readonly state: NamedArrays;
  readonly imageSize: number;
}
