/**
 * The header of a safetensors file: 8 bytes little-endian length, then JSON that maps names to dtype, shape and offsets. Parsing
 * checks everything that the reference implementation checks (huggingface/safetensors, `Metadata::validate`) and says which
 * rule was broken. Nothing of the data is read.
 */
import { RevqError } from "@revq/core";
import { bytesPerElement, dtypes, elementCount, isDType, type DType } from "../dtypes.js";
import { duplicateKey } from "./duplicate-keys.js";

/** Headers above this many bytes are refused, as the reference does. */
export const maxHeaderLength = 100_000_000;

export interface TensorInfo {
  readonly dtype: DType;
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

/** @param dataStart where the data begins: 8 + header length. @param fileSize of the whole file, in bytes. */
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

function fail(code: string, name: string, what: string): never {
  throw new RevqError(`safetensors-${code}`, `${name}: ${what}`, {
    fix: "The file is damaged or not a safetensors file; get it again from its source.",
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
  if (!isDType(dtype)) {
    fail("unknown-dtype", name, `tensor "${key}" has dtype ${quoted(dtype)}; known are ${dtypes.join(", ")}.`);
  }
  if (!isSizes(shape)) {
    fail("shape", name, `tensor "${key}" has shape ${quoted(shape)}; expected a list of whole numbers from 0.`);
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    fail("offsets", name, `tensor "${key}" has data_offsets ${quoted(offsets)}; expected two whole numbers from 0.`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) fail("offsets", name, `tensor "${key}" ends (${end}) before it begins (${begin}).`);
  const count = elementCount(shape);
  if (count === undefined) fail("shape", name, `tensor "${key}" has more elements than can be counted: [${shape}].`);
  const expected = count * bytesPerElement(dtype);
  if (end - begin !== expected) {
    fail(
      "size",
      name,
      `tensor "${key}" (${dtype} [${shape}]) needs ${expected} bytes, its offsets give ${end - begin}.`,
    );
  }
  return { dtype, shape, offset: dataStart + begin, length: expected };
}

/** The tensors, sorted by offset, must fill the data without hole, overlap or rest. */
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

/** For messages: JSON, cut where it is long. */
function quoted(value: unknown): string {
  const text = value === undefined ? "missing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
