/**
 * Writes safetensors files with the same bytes as the reference library: tensors ordered by dtype
 * (widest alignment first) and then by name, compact JSON, header padded with spaces to a multiple
 * of 8. The same tensors always give the same bytes.
 */
import { RevqError } from "@revq/core";
import {
  bytesOf,
  bytesPerElement,
  convertTo,
  elementCount,
  naturalDType,
  type DType,
  type TensorData,
} from "../dtypes.js";
import { maxHeaderLength } from "./header.js";

export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. For F16 and BF16 a Float32Array (rounded) or a Uint16Array (raw bits). */
  readonly data: TensorData;
  /** Default: the array's own type (Float32Array -> F32, Uint8Array -> U8, …). */
  readonly dtype?: DType;
}

/** A tensor whose data is loaded when it is written, for files larger than memory. */
export interface TensorToStream {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  load(): TensorData | Promise<TensorData>;
}

export type SafetensorsMetadata = Readonly<Record<string, string>>;

/** Order of the reference's `Dtype` enum. The largest is written first. */
const dtypeOrder: readonly DType[] = [
  "BOOL",
  "U8",
  "I8",
  "I16",
  "U16",
  "F16",
  "BF16",
  "I32",
  "U32",
  "F32",
  "F64",
  "I64",
  "U64",
];

/**
 * The bytes of a file.
 * @throws RevqError `dtype-mismatch`, `safetensors-write-*`
 * @example
 * const bytes = writeSafetensors([{ name: "bias", shape: [2], data: Float32Array.of(1, 2) }]);
 * bytes.length; // => 80
 */
export function writeSafetensors(tensors: Iterable<TensorToWrite>, metadata: SafetensorsMetadata = {}): Uint8Array {
  const entries = sorted(
    [...tensors].map((tensor) => ({ ...tensor, dtype: tensor.dtype ?? naturalDType(tensor.data) })),
  );
  const header = encodeHeader(entries, metadata);
  const file = new Uint8Array(header.length + entries.reduce((sum, entry) => sum + byteLength(entry), 0));
  file.set(header);
  let offset = header.length;
  for (const entry of entries) {
    const bytes = encodeData(entry, entry.data);
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

/**
 * The bytes of a file as chunks: the header, then one chunk per tensor, in the order of the file.
 * Each tensor is loaded just before it is written.
 * @throws RevqError `dtype-mismatch`, `safetensors-write-*`
 * @example
 * const tensors = [{ name: "bias", shape: [2], dtype: "F32", load: () => Float32Array.of(1, 2) }] as const;
 * const sizes: number[] = [];
 * for await (const chunk of streamSafetensors(tensors)) sizes.push(chunk.length);
 * sizes; // => [72, 8]
 */
export async function* streamSafetensors(
  tensors: Iterable<TensorToStream>,
  metadata: SafetensorsMetadata = {},
): AsyncGenerator<Uint8Array> {
  const entries = sorted([...tensors]);
  yield encodeHeader(entries, metadata);
  for (const entry of entries) yield encodeData(entry, await entry.load());
}

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

function sorted<T extends Entry>(entries: T[]): T[] {
  return entries.sort(
    (a, b) => dtypeOrder.indexOf(b.dtype) - dtypeOrder.indexOf(a.dtype) || compareCodePoints(a.name, b.name),
  );
}

/**
 * Order by UTF-8 bytes, which is the order by code points. JavaScript's `<` compares UTF-16 units.
 */
function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function byteLength({ name, shape, dtype }: Entry): number {
  const valid = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const count = valid ? elementCount(shape) : undefined;
  if (count === undefined) {
    throw new RevqError("safetensors-write-shape", `Tensor "${name}" cannot have shape [${shape}].`);
  }
  return count * bytesPerElement(dtype);
}

function encodeData(entry: Entry, data: TensorData): Uint8Array {
  const bytes = bytesOf(convertTo(entry.dtype, data, `tensor "${entry.name}"`));
  const expected = byteLength(entry);
  if (bytes.length !== expected) {
    throw new RevqError(
      "safetensors-write-size",
      `Tensor "${entry.name}" of shape [${entry.shape}] needs ${expected / bytesPerElement(entry.dtype)} elements, got ${data.length}.`,
    );
  }
  return bytes;
}

function encodeHeader(entries: readonly Entry[], metadata: SafetensorsMetadata): Uint8Array {
  const parts: string[] = [];
  const keys = Object.keys(metadata).sort(compareCodePoints);
  if (keys.length) {
    parts.push(
      `"__metadata__":{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`).join(",")}}`,
    );
  }
  const names = new Set(["__metadata__"]);
  let offset = 0;
  for (const entry of entries) {
    if (names.has(entry.name)) {
      throw new RevqError("safetensors-write-name", `Two tensors are named "${entry.name}", or the name is reserved.`);
    }
    names.add(entry.name);
    const end = offset + byteLength(entry);
    parts.push(
      `${JSON.stringify(entry.name)}:{"dtype":"${entry.dtype}","shape":[${entry.shape}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeaderLength) {
    throw new RevqError(
      "safetensors-write-header",
      `The header would have ${length} bytes; the limit of readers is ${maxHeaderLength}.`,
    );
  }
  const header = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}
