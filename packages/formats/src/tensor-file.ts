/** What every file of named tensors offers, whatever its format: loaders of weights need no more than this. */
import type { DType, TensorData } from "./dtypes.js";

export interface TensorFile {
  /** The source's name, for messages. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: DType; readonly shape: readonly number[] }>;
  /** The tensor in its own dtype (F16 and BF16: raw bits in a `Uint16Array`); row-major. An unknown name throws. */
  read(tensor: string): Promise<{ shape: readonly number[]; data: TensorData }>;
  /** The same widened to float32, whatever the dtype. F64 and large integers are rounded. The array is the caller's. */
  readFloat32(tensor: string): Promise<{ shape: readonly number[]; data: Float32Array }>;
}
