/** The values of an unpickled checkpoint. They are data only: globals stay names. */
import type { DType } from "../dtypes.js";

/** A global, by its dotted name. A dtype such as `torch.float16` may be a value by itself. */
export class PickleGlobal {
  constructor(readonly path: string) {}
}

/**
 * A value that only the program that wrote it could make: the result of a call of a global that is
 * not on the allow-list. The call is not made; its arguments and attributes are not kept.
 */
export class OpaqueValue {
  constructor(readonly path: string) {}
}

/** The entry `data/<key>` of the archive that holds the elements of tensors. */
export class StorageReference {
  constructor(
    readonly key: string,
    /** Undefined for an untyped storage: the tensor then has the dtype. */
    readonly dtype: DType | undefined,
    /** In elements; in bytes for an untyped storage. */
    readonly size: number,
  ) {}
}

/** A strided view of a storage. It is checked to lie inside the storage. */
export class TensorReference {
  constructor(
    readonly storage: StorageReference,
    readonly dtype: DType,
    readonly shape: readonly number[],
    /** In elements. */
    readonly strides: readonly number[],
    /** In elements. */
    readonly offset: number,
  ) {}
}

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleMap
  | PickleGlobal
  | OpaqueValue
  | StorageReference
  | TensorReference;

/** dict and OrderedDict. */
export class PickleMap extends Map<PickleValue, PickleValue> {}
