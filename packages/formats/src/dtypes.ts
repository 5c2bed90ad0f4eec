/**
 * Element types of tensor files, with safetensors' names, and their typed arrays. Half floats are
 * raw bits in a `Uint16Array` until they are widened. Values in files are little-endian, as are the
 * typed arrays of every platform that JavaScript engines support.
 */
import { RevqError } from "@revq/core";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half-floats.js";

export const dtypes = [
  "F64",
  "F32",
  "F16",
  "BF16",
  "I64",
  "I32",
  "I16",
  "I8",
  "U64",
  "U32",
  "U16",
  "U8",
  "BOOL",
] as const;
export type DType = (typeof dtypes)[number];

export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/**
 * Bits per element of the format's other dtypes. Files may hold them, but their values are not read.
 * Source: `Dtype::bitsize` of the reference implementation (huggingface/safetensors, tensor.rs).
 */
const unreadBits = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  C64: 64,
} as const;

/** A dtype that a file may hold: one that is read, or one of which only the size is known. */
export type StoredDType = DType | keyof typeof unreadBits;

export const storedDTypes: readonly StoredDType[] = [
  ...dtypes,
  ...(Object.keys(unreadBits) as (keyof typeof unreadBits)[]),
];

/** F16 and BF16 are raw bits. BOOL is 0 or 1 in a byte. */
const arrayTypes = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export function isDType(name: unknown): name is DType {
  return typeof name === "string" && Object.hasOwn(arrayTypes, name);
}

export function isStoredDType(name: unknown): name is StoredDType {
  return isDType(name) || (typeof name === "string" && Object.hasOwn(unreadBits, name));
}

export function bitsPerElement(dtype: StoredDType): number {
  return isDType(dtype) ? 8 * bytesPerElement(dtype) : unreadBits[dtype];
}

/** @throws RevqError `tensor-dtype` for a dtype of which only the size is known */
export function requireReadable(dtype: StoredDType, tensor: string, file: string): DType {
  if (isDType(dtype)) return dtype;
  throw new RevqError("tensor-dtype", `${file}: tensor "${tensor}" is ${dtype}; values of this dtype are not read.`, {
    fix: `Use a file whose weights are F32, F16 or BF16, or convert them in Python: tensor.to(torch.float32).`,
  });
}

export function bytesPerElement(dtype: DType): number {
  return arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/**
 * Number of elements of a shape ([] is a scalar: 1); undefined when it cannot be counted exactly.
 */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/**
 * Little-endian bytes -> the typed array of that dtype. It shares the memory if the alignment
 * allows.
 */
export function viewAs(bytes: Uint8Array, dtype: DType): TensorData {
  const ArrayType = arrayTypes[dtype];
  const aligned = bytes.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new ArrayType(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    aligned.byteLength / ArrayType.BYTES_PER_ELEMENT,
  );
}

/** The bytes of a typed array: a view, not a copy. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * Any dtype widened or rounded to float32. Exact for F32, F16, BF16 and integers up to 2^24. The
 * result is a new array, or `data` itself.
 *
 * @example
 * toFloat32(Uint16Array.of(0x3c00), "F16"); // => [1]
 */
export function toFloat32(data: TensorData, dtype: DType): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === "F16") return float16ToFloat32(data as Uint16Array);
  if (dtype === "BF16") return bfloat16ToFloat32(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const result = new Float32Array(data.length);
    for (let i = 0; i < data.length; i++) result[i] = Number(data[i]!);
    return result;
  }
  return Float32Array.from(data as Exclude<TensorData, BigInt64Array | BigUint64Array>);
}

/** The default dtype of a typed array: U16 for a `Uint16Array`, U8 for a `Uint8Array`. */
export function naturalDType(data: TensorData): DType {
  for (const dtype of ["F64", "F32", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"] as const) {
    if (data instanceof arrayTypes[dtype]) return dtype;
  }
  throw new RevqError("dtype-array", "Expected a typed array of numbers.", {
    fix: "Give a Float32Array, Int32Array or another typed array.",
  });
}

/**
 * The array to write for `dtype`. An array of the right type stays as it is (raw bits for F16 and
 * BF16). A Float32Array is rounded to F16 or BF16, or widened to F64. Throws `dtype-mismatch` for
 * other conversions.
 */
export function convertTo(dtype: DType, data: TensorData, name: string): TensorData {
  if (data instanceof arrayTypes[dtype]) return data;
  if (data instanceof Float32Array) {
    if (dtype === "F16") return float32ToFloat16(data);
    if (dtype === "BF16") return float32ToBfloat16(data);
    if (dtype === "F64") return Float64Array.from(data);
  }
  throw new RevqError("dtype-mismatch", `${name}: a ${data.constructor.name} cannot be written as ${dtype}.`, {
    fix: `Give a ${arrayTypes[dtype].name}${/^B?F/.test(dtype) && dtype !== "F32" && dtype !== "BOOL" ? " or a Float32Array" : ""}.`,
  });
}
