/** One ONNX operator, applied over and over: the data that the model of a chain is made of. */
export interface OnnxChain {
  readonly op: "MatMul" | "Conv";
  /** float32; the operator's output has this shape too. */
  readonly valueShape: readonly number[];
  readonly constantShape: readonly number[];
  /** Of `Conv`: top, left, bottom, right. */
  readonly pads?: readonly number[];
}
