/**
 * The internals of tfjs's wasm backend that kernels use: tensors as views of the heap, and their
 * ids on the C++ side. tfjs-backend-wasm 4.22. This file holds all use of API that tfjs does not
 * publish.
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
    /** Forgets the id and its packed data; does not free the memory. */
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

/**
 * A view of a float32 tensor's elements. It is invalid once the heap grows: take it after creating
 * outputs.
 */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
  return new Float32Array(backend.wasm.HEAPU8.buffer, memoryOffset, tf.util.sizeFromShape(tensor.shape));
}

/** The same for int32. */
export function integers(backend: WasmBackend, tensor: TensorInfo): Int32Array {
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
  return new Int32Array(backend.wasm.HEAPU8.buffer, memoryOffset, tf.util.sizeFromShape(tensor.shape));
}

/** A view of a float32 or int32 tensor's elements. */
export function elements(backend: WasmBackend, tensor: TensorInfo): Float32Array | Int32Array {
  if (tensor.dtype === "float32") return floats(backend, tensor);
  if (tensor.dtype === "int32") return integers(backend, tensor);
  throw new RevqError("wasm-dtype", `This kernel takes float32 or int32, not ${tensor.dtype}.`, {
    fix: "Cast the tensor first, with `tf.cast`.",
  });
}

/** A float32 output with undefined contents. */
export function makeFloats(backend: WasmBackend, shape: readonly number[]): TensorInfo {
  return backend.makeOutput(shape, "float32");
}

/** An output full of zeros. */
export function makeZeros(backend: WasmBackend, shape: readonly number[], dtype: tf.DataType = "float32"): TensorInfo {
  const output = backend.makeOutput(shape, dtype);
  elements(backend, output).fill(0);
  return output;
}

/** Runs a kernel of the backend. The caller releases the result with `release`. */
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
 * Registers `length` elements from `offset` of a float32 or int32 tensor as a tensor on the C++
 * side while `use` runs.
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

/** One product a `[m, k]` x b `[k, n]` of ids, through XNNPACK. It packs b once per id. */
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

/** Address space of 32-bit WebAssembly in bytes. */
const addressable = 2 ** 32;

/**
 * Makes failed allocations throw. tfjs ignores the result of `malloc`: without memory it would
 * overwrite address 0, and it truncates sizes of 4 GiB or more to 32 bits.
 */
export function guardWasmMemory(backend: WasmBackend): void {
  const module = backend.wasm;
  if (guarded.has(module)) return;
  guarded.add(module);
  // Emscripten's first call replaces a stub by the real function: call it before replacing it here.
  module._free(module._malloc(1));
  const malloc = module._malloc.bind(module);
  module._malloc = (bytes: number): number => {
    const offset = bytes < addressable ? malloc(bytes) : 0;
    if (offset !== 0 || bytes === 0) return offset;
    const heap = Math.floor(module.HEAPU8.byteLength / 2 ** 20);
    throw new RevqError(
      "wasm-memory",
      `WebAssembly cannot allocate another ${Math.ceil(bytes / 2 ** 20)} MiB: ` +
        `its heap has ${heap} MiB of at most 4096 MiB.`,
      { fix: "Use a smaller batch, or another engine.", setting: { path: "engine" } },
    );
  };
}
