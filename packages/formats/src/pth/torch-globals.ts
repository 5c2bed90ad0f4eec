/**
 * The allow-list: the globals whose calls have a meaning here. A call of any other global gives an
 * opaque value, so that a checkpoint of a training program still gives its tensors. Nothing is
 * imported or executed. The list is the part of PyTorch's own `weights_only` unpickler that weights
 * need.
 */
import { RevqError } from "@revq/core";
import { bytesPerElement, elementCount, type DType } from "../dtypes.js";
import {
  OpaqueValue,
  PickleGlobal,
  PickleMap,
  StorageReference,
  TensorReference,
  type PickleValue,
} from "./pickle-values.js";

const storageDTypes: Readonly<Record<string, DType>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};
const untypedStorage = "torch.storage.UntypedStorage";

const torchDTypes: Readonly<Record<string, DType>> = {
  "torch.float64": "F64",
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint64": "U64",
  "torch.uint32": "U32",
  "torch.uint16": "U16",
  "torch.uint8": "U8",
  "torch.bool": "BOOL",
};

/**
 * Globals that may be called, and their results. Arguments for hooks, gradients and metadata are
 * ignored.
 */
const callables: Readonly<Record<string, (args: PickleValue[], name: string) => PickleValue>> = {
  "collections.OrderedDict": ([pairs = []], name) => {
    if (!Array.isArray(pairs)) return malformed(name, "an OrderedDict without pairs");
    const result = new PickleMap();
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) return malformed(name, "an OrderedDict without pairs");
      result.set(pair[0]!, pair[1]!);
    }
    return result;
  },
  "collections.defaultdict": () => new PickleMap(),
  "torch._utils._rebuild_tensor": ([storage, offset, shape, strides], name) =>
    tensor(name, storage, offset, shape, strides),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides], name) =>
    tensor(name, storage, offset, shape, strides),
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, strides, , , dtype], name) =>
    tensor(name, storage, offset, shape, strides, dtype),
  "torch._utils._rebuild_parameter": ([data], name) => parameter(name, data),
  "torch._utils._rebuild_parameter_with_state": ([data], name) => parameter(name, data),
  // Tensors of a subclass, or with attributes: the function that rebuilds the tensor, and its arguments.
  "torch._tensor._rebuild_from_type_v2": ([rebuild, , args], name) =>
    rebuild instanceof PickleGlobal && rebuild.path.startsWith("torch._utils._rebuild_")
      ? callGlobal(rebuild, args, name)
      : new OpaqueValue("torch._tensor._rebuild_from_type_v2"),
  "torch.Size": ([sizes], name) => (Array.isArray(sizes) ? sizes : malformed(name, "a torch.Size without sizes")),
  "torch.device": ([device], name) =>
    typeof device === "string" ? device : malformed(name, "a torch.device without a name"),
};

const allowed = new Set([
  ...Object.keys(callables),
  ...Object.keys(storageDTypes),
  ...Object.keys(torchDTypes),
  untypedStorage,
]);

/** True for the globals of the list. */
export function isKnownGlobal({ path }: PickleGlobal): boolean {
  return allowed.has(path);
}

/** For a checkpoint that has no tensor outside of values that only its own program can make. */
export function onlyForeignValues(path: string, name: string): RevqError {
  const shown = path.length > 120 ? `${path.slice(0, 117)}...` : path;
  return new RevqError(
    "pth-forbidden-global",
    `${name} holds no tensors that can be read, but names "${shown}", which weights do not need. Nothing was executed.`,
    {
      fix: "If you trust the file, save its tensors only, in Python: safetensors.torch.save_file(model.state_dict(), PATH).",
    },
  );
}

/** The result of `REDUCE`, `NEWOBJ` and others: a call. An unknown callable gives an opaque value. */
export function callGlobal(
  callable: PickleValue | undefined,
  args: PickleValue | undefined,
  name: string,
): PickleValue {
  if (callable instanceof OpaqueValue) return callable;
  if (callable instanceof PickleGlobal && !isKnownGlobal(callable)) return new OpaqueValue(callable.path);
  const call =
    callable instanceof PickleGlobal && Object.hasOwn(callables, callable.path) ? callables[callable.path] : undefined;
  if (!call || !Array.isArray(args)) {
    return malformed(
      name,
      callable instanceof PickleGlobal
        ? `${callable.path} cannot be called`
        : "a call of something that is not a global",
    );
  }
  return call(args, name);
}

/**
 * The storage of a persistent id ("storage", type, key, location, size). Of a type that is not read
 * (complex, quantized): an opaque value.
 */
export function storageOf(id: PickleValue | undefined, name: string): StorageReference | OpaqueValue {
  const [kind, type, key, , size] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(type instanceof PickleGlobal) || typeof key !== "string" || !isSize(size)) {
    return malformed(name, "a persistent id that is not a storage");
  }
  if (!isKnownGlobal(type)) return new OpaqueValue(type.path);
  if (type.path !== untypedStorage && !Object.hasOwn(storageDTypes, type.path))
    return malformed(name, `a storage of type ${type.path}`);
  return new StorageReference(key, storageDTypes[type.path], size);
}

function parameter(name: string, data: PickleValue | undefined): PickleValue {
  return data instanceof TensorReference || data instanceof OpaqueValue
    ? data
    : malformed(name, "a parameter without a tensor");
}

function tensor(
  name: string,
  ...[storage, offset, shape, strides, dtypeName]: (PickleValue | undefined)[]
): TensorReference | OpaqueValue {
  if (storage instanceof OpaqueValue) return storage;
  if (
    !(storage instanceof StorageReference) ||
    !isSize(offset) ||
    !isSizes(shape) ||
    !isSizes(strides) ||
    shape.length !== strides.length
  ) {
    return malformed(name, "a tensor with arguments of wrong types");
  }
  const dtype = storage.dtype ?? (dtypeName instanceof PickleGlobal ? torchDTypes[dtypeName.path] : undefined);
  // A dtype that is not read, such as torch.complex64 or torch.float8_e4m3fn.
  if (!dtype && dtypeName instanceof PickleGlobal) return new OpaqueValue(dtypeName.path);
  if (!dtype) return malformed(name, "a tensor without a dtype");
  const available = storage.dtype ? storage.size : Math.floor(storage.size / bytesPerElement(dtype));
  const count = elementCount(shape);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, offset);
  if (count === undefined || (count > 0 && !(last < available))) {
    return malformed(
      name,
      `a tensor [${shape.slice(0, 8)}] that does not lie inside its storage of ${available} elements`,
    );
  }
  // An expanded view has more elements than its storage. It is not read: a few bytes could make it
  // arbitrarily large. Weights are not expanded, masks beside them may be.
  if (count > available) return new OpaqueValue("an expanded view");
  return new TensorReference(storage, dtype, shape, strides, offset);
}

export function malformed(name: string, what: string): never {
  throw new RevqError("pth-malformed", `${name}: its pickle is malformed: ${what}.`, {
    fix: "The file is damaged, or torch.save did not write it. Get it again.",
  });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 64 && value.every(isSize);
}
