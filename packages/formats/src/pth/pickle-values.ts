/** What an unpickled checkpoint is made of. Nothing here is code: names of allowed globals are kept as names. */
import type { DType } from "../dtypes.js";

/** An allowed global, by its dotted name; a dtype such as `torch.float16` may be a value of its own. */
export class PickleGlobal {
  constructor(readonly path: string) {}
}

/** Where the numbers of tensors lie: an entry `data/<key>` of the archive. */
export class StorageReference {
  constructor(
    readonly key: string,
    /** Undefined for an untyped storage: then the tensor says it. */
    readonly dtype: DType | undefined,
    /** Elements; bytes of an untyped storage. */
    readonly size: number,
  ) {}
}

/** A strided view of a storage; checked to lie inside it. */
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
  | StorageReference
  | TensorReference;

/** dict and OrderedDict. */
export class PickleMap extends Map<PickleValue, PickleValue> {}
