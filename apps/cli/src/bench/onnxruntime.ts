/**
 * Bare ONNX Runtime as a reference: a chain of one operator in one graph. Both inputs are fed. None is a constant of the
 * graph, which ONNX Runtime could repack in advance: in training the weights change with every step.
 */
import type * as OnnxRuntime from "onnxruntime-node";
import type { OnnxChain } from "./onnx-chain.js";
import { onnxChainModel } from "./onnx-model.js";

export interface BareChain {
  /** Applies the operator `steps` times and waits for the sum of the last value. */
  run(): Promise<number>;
  dispose(): Promise<void>;
}

/** Null where onnxruntime-node cannot be loaded. Session options are the library's defaults. */
export async function openOnnxChain(chain: OnnxChain, steps: number): Promise<BareChain | null> {
  let onnxruntime: typeof OnnxRuntime;
  try {
    onnxruntime = await import("onnxruntime-node");
  } catch {
    return null;
  }
  const { InferenceSession, Tensor } = onnxruntime;
  const session = await InferenceSession.create(onnxChainModel(chain, steps));
  const fanIn = chain.constantShape.slice(chain.op === "MatMul" ? 0 : 1, chain.op === "MatMul" ? 1 : undefined);
  // Keeps the scale of the value, as the engine's inputs do: no infinities and no denormals.
  const scale = Math.sqrt(3 / product(fanIn));
  const random = (shape: readonly number[], bound: number) =>
    new Tensor(
      "float32",
      Float32Array.from({ length: product(shape) }, () => bound * (2 * Math.random() - 1)),
      shape,
    );
  const feeds = { value: random(chain.valueShape, 1), constant: random(chain.constantShape, scale) };
  return {
    async run() {
      const { sum } = await session.run(feeds);
      return Number(sum!.data[0]);
    },
    dispose: () => session.release(),
  };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
