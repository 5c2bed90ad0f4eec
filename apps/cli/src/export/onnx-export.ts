/** The result of an export to ONNX. Types only. */
export interface OnnxExport {
  /** Input of the encoder and output of the decoder: images, or latents for a tokenizer without a backbone. */
  readonly kind: "images" | "latents";
  readonly files: readonly string[];
  /** Fraction of the ids of a sample that ONNX Runtime and revq agree on; null without an encoder. */
  readonly sameIds: number | null;
  /** Largest difference of the decoded values for the same ids; null without a decoder. */
  readonly largestDifference: number | null;
  /** The models that were left out, with the reason. */
  readonly leftOut: readonly string[];
}
