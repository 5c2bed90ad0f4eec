/**
 * Gathers a strided array in row-major order, for npy files in Fortran order and views in PyTorch
 * checkpoints.
 */
import type { TensorData } from "./dtypes.js";

/**
 * A new array of the elements at sum(index[axis] * strides[axis]), last axis fastest. Strides are
 * in elements.
 */
export function gatherStrided(data: TensorData, shape: readonly number[], strides: readonly number[]): TensorData {
  const count = shape.reduce((product, size) => product * size, 1);
  const result = new (data.constructor as new (length: number) => TensorData)(count);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    result[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/** Strides of Fortran order: the first axis is the fastest. */
export function fortranStrides(shape: readonly number[]): number[] {
  let stride = 1;
  return shape.map((size) => {
    const own = stride;
    stride *= size;
    return own;
  });
}
