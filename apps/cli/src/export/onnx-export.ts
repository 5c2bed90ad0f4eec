/** The models of an export to ONNX, and its result. Types only. */

export interface OnnxModelNames {
  readonly file: string;
  readonly input: string;
  readonly output: string;
}

export interface OnnxNames {
  readonly encoder: OnnxModelNames;
  readonly decoder: OnnxModelNames;
}

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
  /** The models that take a fixed batch, with it. */
  readonly fixedBatch: Readonly<Record<string, number>>;
}
