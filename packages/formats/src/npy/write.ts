/** Writes npy files with the bytes that `numpy.save` gives. */
import { RevqError } from "@revq/core";
import { bytesOf, convertTo, elementCount, naturalDType, type TensorData } from "../dtypes.js";
import { fileDType, npyDTypes, npyHeader, type NpyDType } from "./header.js";

/**
 * Row-major `data` as a whole file. `dtype` defaults to the array's own type; with "float16" a Float32Array is rounded (nearest even)
 * and a Uint16Array is taken as raw bits; "bool" takes a Uint8Array of 0 and 1. Throws `npy-write-size`, `dtype-mismatch`.
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
