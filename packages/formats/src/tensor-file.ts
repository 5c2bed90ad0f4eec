/** The interface of files of named tensors, in any format. */
import type { StoredDType, TensorData } from "./dtypes.js";

export interface TensorFile {
  /** Name of the source, for messages. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: StoredDType; readonly shape: readonly number[] }>;
  /**
   * The tensor in its own dtype (F16 and BF16: raw bits in a `Uint16Array`), row-major. An unknown
   * name throws, and so does a dtype of which only the size is known (`tensor-dtype`).
   */
  read(tensor: string): Promise<{ shape: readonly number[]; data: TensorData }>;
  /**
   * The tensor as float32, from any dtype. F64 and large integers are rounded. The caller owns the
   * array.
   */
  readFloat32(tensor: string): Promise<{ shape: readonly number[]; data: Float32Array }>;
}
