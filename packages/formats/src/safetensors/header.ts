/**
 * The header of a safetensors file: 8 bytes little-endian length, then JSON that maps names to
 * dtype, shape and offsets. Parsing makes the checks of the reference implementation
 * (huggingface/safetensors, `Metadata::validate`); errors name the broken rule. The data are not
 * read.
 */
import { RevqError } from "@revq/core";
import { bitsPerElement, elementCount, isStoredDType, storedDTypes, type StoredDType } from "../dtypes.js";
import { duplicateKey } from "./duplicate-keys.js";

/** Longer headers are refused, as in the reference. */
export const maxHeaderLength = 100_000_000;

export interface TensorInfo {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

export interface SafetensorsHeader {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * @param dataStart first byte of the data: 8 + header length
 * @param fileSize in bytes
 * @throws RevqError `safetensors-*`
 */
export function parseHeader(name: string, header: Uint8Array, dataStart: number, fileSize: number): SafetensorsHeader {
  const entries = parseJson(name, header);
  let metadata: Record<string, string> = {};
  const found: [string, TensorInfo][] = [];
  for (const [key, value] of Object.entries(entries)) {
    if (key === "__metadata__") metadata = parseMetadata(name, value);
    else found.push([key, parseTensor(name, key, value, dataStart)]);
  }
  found.sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  checkLayout(name, found, dataStart, fileSize);
  return { tensors: new Map(found), metadata };
}

/** The fix for every broken rule. */
export const damagedFile = "The file is damaged or not a safetensors file. Get it again from its source.";

function fail(code: string, name: string, what: string): never {
  throw new RevqError(`safetensors-${code}`, `${name}: ${what}`, {
    fix: damagedFile,
  });
}

function parseJson(name: string, header: Uint8Array): Record<string, unknown> {
  if (header[0] !== 0x7b) fail("header-not-json", name, 'the header does not begin with "{".');
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(header);
    value = JSON.parse(text);
  } catch (cause) {
    fail(
      "header-not-json",
      name,
      `the header is not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
    );
  }
  if (!isRecord(value)) fail("header-not-object", name, "the header is JSON, but not an object.");
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) fail("duplicate-key", name, `the header has the key "${duplicate}" twice.`);
  return value;
}

function parseMetadata(name: string, value: unknown): Record<string, string> {
  if (!isRecord(value) || !Object.values(value).every((entry) => typeof entry === "string")) {
    fail("metadata", name, "__metadata__ must be an object whose values are strings.");
  }
  return value as Record<string, string>;
}

function parseTensor(name: string, key: string, value: unknown, dataStart: number): TensorInfo {
  if (!isRecord(value)) fail("tensor-entry", name, `the entry of tensor "${key}" is not an object.`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isStoredDType(dtype)) {
    throw new RevqError(
      "safetensors-unknown-dtype",
      `${name}: tensor "${key}" has dtype ${quoted(dtype)}; known are ${storedDTypes.join(", ")}.`,
      { fix: "The file is damaged, or of a newer version of the format. Convert it to F32, F16 or BF16 in Python." },
    );
  }
  if (!isSizes(shape)) {
    fail("shape", name, `tensor "${key}" has shape ${quoted(shape)}; expected a list of integers >= 0.`);
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    fail("offsets", name, `tensor "${key}" has data_offsets ${quoted(offsets)}; expected two integers >= 0.`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) fail("offsets", name, `tensor "${key}" ends (${end}) before it begins (${begin}).`);
  const count = elementCount(shape);
  if (count === undefined) fail("shape", name, `tensor "${key}" has more elements than can be counted: [${shape}].`);
  const expected = (count * bitsPerElement(dtype)) / 8;
  if (end - begin !== expected) {
    fail(
      "size",
      name,
      `tensor "${key}" (${dtype} [${shape}]) needs ${expected} bytes, its offsets give ${end - begin}.`,
    );
  }
  return { dtype, shape, offset: dataStart + begin, length: expected };
}

/** Tensors, sorted by offset, must cover the data without holes, overlaps or trailing bytes. */
function checkLayout(name: string, tensors: [string, TensorInfo][], dataStart: number, fileSize: number): void {
  let position = dataStart;
  for (const [key, { offset, length }] of tensors) {
    if (offset < position) {
      fail(
        "overlap",
        name,
        `tensor "${key}" begins at byte ${offset - dataStart} of the data, inside the one before it.`,
      );
    }
    if (offset > position) {
      fail(
        "hole",
        name,
        `no tensor covers the bytes ${position - dataStart} to ${offset - dataStart} of the data, before "${key}".`,
      );
    }
    position = offset + length;
  }
  if (!Number.isSafeInteger(position)) fail("offsets", name, "the offsets are larger than any file.");
  if (position > fileSize) {
    fail("truncated", name, `got ${fileSize} bytes of ${position}: the file is truncated.`);
  }
  if (position < fileSize) fail("trailing-bytes", name, `${fileSize - position} bytes follow the last tensor.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0 && !Object.is(size, -0));
}

/** For messages: JSON, shortened to 80 characters. */
function quoted(value: unknown): string {
  const text = value === undefined ? "missing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
