/**
 * Arrays that worker threads read in place. All functions also take other arrays, which they copy.
 */
import { canShare } from "./wasm/pool.js";

/**
 * Zeros, in shared memory if the environment has it.
 *
 * @example
 * sharedFloat32(3); // => [0, 0, 0]
 */
export function sharedFloat32(length: number): Float32Array {
  return canShare() ? new Float32Array(new SharedArrayBuffer(length * 4)) : new Float32Array(length);
}

/** Zeros, in shared memory if the environment has it. */
export function sharedFloat64(length: number): Float64Array {
  return canShare() ? new Float64Array(new SharedArrayBuffer(length * 8)) : new Float64Array(length);
}

/**
 * Zeros, in shared memory if the environment has it.
 *
 * @example
 * sharedInt32(2); // => [0, 0]
 */
export function sharedInt32(length: number): Int32Array {
  return canShare() ? new Int32Array(new SharedArrayBuffer(length * 4)) : new Int32Array(length);
}

/** Zeros, in shared memory if the environment has it. */
export function sharedBytes(length: number): Uint8Array {
  return canShare() ? new Uint8Array(new SharedArrayBuffer(length)) : new Uint8Array(length);
}

export function isShared(array: { readonly buffer: ArrayBufferLike }): boolean {
  return typeof SharedArrayBuffer !== "undefined" && array.buffer instanceof SharedArrayBuffer;
}
