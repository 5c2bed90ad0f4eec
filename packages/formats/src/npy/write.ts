/** Writes npy files with the bytes that `numpy.save` writes. */
import { RevqError } from "@revq/core";
import { bytesOf, convertTo, elementCount, naturalDType, type TensorData } from "../dtypes.js";
import { fileDType, npyDTypes, npyHeader, type NpyDType } from "./header.js";

/**
 * The bytes of a file with row-major `data`. `dtype` defaults to the array's own type. For
 * "float16" a Float32Array is rounded to nearest even and a Uint16Array holds raw bits. For "bool"
 * a Uint8Array holds 0 and 1.
 * @throws RevqError `npy-write-size`, `dtype-mismatch`
 * @example
 * const file = writeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
 * file.length; // => 144
 */
export function writeNpy(array: { shape: readonly number[]; data: TensorData; dtype?: NpyDType }): Uint8Array {
  const { shape, data } = array;
  const dtype = array.dtype ?? npyDTypes.find((one) => fileDType(one) === naturalDType(data))!;
  if (elementCount(shape) !== data.length || shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw new RevqError("npy-write-size", `Shape [${shape}] does not fit ${data.length} elements.`);
  }
  const header = npyHeader({ shape, dtype });
  const bytes = bytesOf(convertTo(fileDType(dtype), data, "array"));
  const file = new Uint8Array(header.length + bytes.length);
  file.set(header);
  file.set(bytes, header.length);
  return file;
}
