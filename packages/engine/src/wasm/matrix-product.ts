/**
 * BatchMatMul for the wasm backend. tfjs uses XNNPACK only for one batch without transposed
 * operands, otherwise a naive loop (22 times slower for transposed a at 1024^3). This kernel
 * transposes first and multiplies every batch by XNNPACK, on views of the heap.
 */
import { broadcast_util, util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { makeFloats, multiplyMatrices, release, runKernel, wasmBackend, withView, type WasmBackend } from "./heap.js";

/** With fewer multiplications a batch, the naive loop is faster than the setup of XNNPACK. */
const worthXnnpack = 2 ** 13;

interface Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/**
 * a `[...batch, m, k]` x b `[...batch, k, n]` -> `[...batch, m, n]`; batch dimensions broadcast.
 *
 * @param own the backend's kernel
 */
export function batchMatMul(own: KernelFunc): KernelFunc {
  return (call) => {
    const wasm = wasmBackend(call.backend);
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    const { transposeA, transposeB } = call.attrs as unknown as Attributes;
    const batches = util.sizeFromShape(a.shape.slice(0, -2)) * util.sizeFromShape(b.shape.slice(0, -2));
    if (a.dtype !== "float32" || b.dtype !== "float32" || batches === 0) return own(call);
    if (batches === 1 && !transposeA && !transposeB) return own(call);
    const left = transposeA ? transposed(wasm, a) : a;
    const right = transposeB ? transposed(wasm, b) : b;
    const product = multiply(wasm, left, right, own);
    if (left !== a) release(wasm, left);
    if (right !== b) release(wasm, right);
    return product;
  };
}

/** Swaps the last two dimensions. */
function transposed(wasm: WasmBackend, x: TensorInfo): TensorInfo {
  const rank = x.shape.length;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  return runKernel(wasm, "Transpose", { x }, { perm });
}

function multiply(wasm: WasmBackend, a: TensorInfo, b: TensorInfo, own: KernelFunc): TensorInfo {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const [innerB, n] = b.shape.slice(-2) as [number, number];
  util.assert(k === innerB, () => `Error in matMul: the inner dimensions of [${a.shape}] and [${b.shape}] differ.`);
  const batchOfA = a.shape.slice(0, -2);
  const batchOfB = b.shape.slice(0, -2);
  const batchShape = broadcast_util.assertAndGetBroadcastShape(batchOfA, batchOfB);
  if (m * k * n < worthXnnpack && util.arraysEqual(batchOfA, batchOfB)) {
    const attrs = { transposeA: false, transposeB: false };
    return own({ inputs: { a, b }, backend: wasm, attrs }) as TensorInfo;
  }
  const output = makeFloats(wasm, [...batchShape, m, n]);
  const matrixOfA = broadcastIndices(batchOfA, batchShape);
  const matrixOfB = broadcastIndices(batchOfB, batchShape);
  matrixOfB.forEach((fromB, batch) =>
    withView(wasm, b, fromB * k * n, k * n, (idOfB) =>
      withView(wasm, a, matrixOfA[batch]! * m * k, m * k, (idOfA) =>
        withView(wasm, output, batch * m * n, m * n, (idOfOutput) =>
          multiplyMatrices(wasm, idOfA, idOfB, idOfOutput, [m, k, n]),
        ),
      ),
    ),
  );
  return output;
}

/** Index in `source` of every element of `shape`, row-major. `source` broadcasts to `shape`. */
function broadcastIndices(source: readonly number[], shape: readonly number[]): number[] {
  let indices = [0];
  const missing = shape.length - source.length;
  shape.forEach((size, dimension) => {
    const repeats = dimension < missing || source[dimension - missing] === 1;
    const sourceSize = dimension < missing ? 1 : source[dimension - missing]!;
    indices = indices.flatMap((index) =>
      Array.from({ length: size }, (_, i) => index * sourceSize + (repeats ? 0 : i)),
    );
  });
  return indices;
}
