/**
 * The inside of tfjs's wasm backend that kernels work on: tensors as views of the heap, and ids under which the C++ side
 * knows them. tfjs-backend-wasm 4.22; nothing here is public API of tfjs, so it is all in this one file.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelBackend, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import { RevqError } from "@revq/core";

interface HeapEntry {
  readonly id: number;
  readonly memoryOffset: number;
}

interface WasmModule {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(offset: number): void;
  cwrap(name: string, returns: string | null, args: string[]): (...values: unknown[]) => void;
  readonly tfjs: {
    registerTensor(id: number, size: number, offset: number): void;
    /** Forgets the id and everything that was packed for it; the memory is not freed. */
    disposeData(id: number): void;
  };
}

export interface WasmBackend extends KernelBackend {
  readonly wasm: WasmModule;
  readonly dataIdMap: { get(dataId: object): HeapEntry };
  dataIdNextNumber: number;
  makeOutput(shape: readonly number[], dtype: tf.DataType): TensorInfo;
}

export function wasmBackend(backend: unknown): WasmBackend {
  return backend as WasmBackend;
}

/** A float32 tensor's elements, in place. Stale as soon as the heap grows: take it after the outputs were made. */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
  return new Float32Array(backend.wasm.HEAPU8.buffer, memoryOffset, tf.util.sizeFromShape(tensor.shape));
}

/** The same for int32. */
export function integers(backend: WasmBackend, tensor: TensorInfo): Int32Array {
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
  return new Int32Array(backend.wasm.HEAPU8.buffer, memoryOffset, tf.util.sizeFromShape(tensor.shape));
}

/** A float32 or int32 tensor's elements. */
export function numbers(backend: WasmBackend, tensor: TensorInfo): Float32Array | Int32Array {
  if (tensor.dtype === "float32") return floats(backend, tensor);
  if (tensor.dtype === "int32") return integers(backend, tensor);
  throw new RevqError("wasm-dtype", `This kernel takes float32 or int32, not ${tensor.dtype}.`, {
    fix: "Cast it first (tf.cast).",
  });
}

/** A float32 output with unspecified contents. */
export function makeFloats(backend: WasmBackend, shape: readonly number[]): TensorInfo {
  return backend.makeOutput(shape, "float32");
}

/** An output full of zeros. */
export function makeZeros(backend: WasmBackend, shape: readonly number[], dtype: tf.DataType = "float32"): TensorInfo {
  const output = backend.makeOutput(shape, dtype);
  numbers(backend, output).fill(0);
  return output;
}

/** Runs a kernel that the backend has. The caller releases the result with `release`. */
export function runKernel(
  backend: WasmBackend,
  name: string,
  inputs: Readonly<Record<string, TensorInfo>>,
  attrs: Readonly<Record<string, unknown>> = {},
): TensorInfo {
  const kernel = tf.getKernel(name, "wasm");
  return kernel.kernelFunc({ inputs: { ...inputs }, backend, attrs: attrs as NamedAttrMap }) as TensorInfo;
}

export function release(backend: WasmBackend, ...tensors: TensorInfo[]): void {
  for (const tensor of tensors) backend.disposeData(tensor.dataId);
}

/**
 * Lets the C++ side see `length` elements from `offset` of a float32 or int32 tensor as a tensor of its own, for as long as
 * `use` runs.
 */
export function withView(
  backend: WasmBackend,
  tensor: TensorInfo,
  offset: number,
  length: number,
  use: (id: number) => void,
): void {
  const id = backend.dataIdNextNumber++;
  backend.wasm.tfjs.registerTensor(id, length, backend.dataIdMap.get(tensor.dataId).memoryOffset + 4 * offset);
  try {
    use(id);
  } finally {
    backend.wasm.tfjs.disposeData(id);
  }
}

type MatMul = (
  ...call: [
    a: number,
    aShape: Uint8Array,
    aRank: number,
    b: number,
    bShape: Uint8Array,
    bRank: number,
    tA: number,
    tB: number,
    out: number,
  ]
) => void;

const matMuls = new WeakMap<WasmModule, MatMul>();

/** One product a `[m, k]` x b `[k, n]` between ids, through XNNPACK, which packs b once for as long as its id lives. */
export function multiplyMatrices(
  { wasm }: WasmBackend,
  a: number,
  b: number,
  output: number,
  [m, k, n]: readonly [m: number, k: number, n: number],
): void {
  let matMul = matMuls.get(wasm);
  if (!matMul) {
    const args = ["number", "array", "number", "number", "array", "number", "number", "number", "number"];
    matMul = wasm.cwrap("BatchMatMul", null, args) as unknown as MatMul;
    matMuls.set(wasm, matMul);
  }
  matMul(a, shapeBytes(1, m, k), 3, b, shapeBytes(1, k, n), 3, 0, 0, output);
}

function shapeBytes(...shape: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(shape).buffer);
}

const guarded = new WeakSet<object>();

/** What 32-bit WebAssembly can address. */
const addressable = 2 ** 32;

/**
 * tfjs does not look at what `malloc` returned: without memory it would write over address 0 and go on, and a size of 4 GiB
 * or more would lose its upper bits on the way.
 */
export function guardWasmMemory(backend: WasmBackend): void {
  const module = backend.wasm;
  if (guarded.has(module)) return;
  guarded.add(module);
  // Emscripten's first call puts the real function in the place of a stub, which would be ours.
  module._free(module._malloc(1));
  const malloc = module._malloc.bind(module);
  module._malloc = (bytes: number): number => {
    const offset = bytes < addressable ? malloc(bytes) : 0;
    if (offset !== 0 || bytes === 0) return offset;
    const heap = Math.floor(module.HEAPU8.byteLength / 2 ** 20);
    throw new RevqError(
      "wasm-memory",
      `WebAssembly cannot hold another ${Math.ceil(bytes / 2 ** 20)} MiB (its heap has ${heap} MiB and ends at 4096 MiB).`,
      { fix: "Use a smaller batch, or another engine." },
    );
  };
}
