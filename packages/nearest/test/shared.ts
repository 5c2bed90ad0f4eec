/**
 * Finds and reads the shared parity data. Enough of the safetensors and npy formats for that;
 * `@revq/formats` is the real reader.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = process.env["REVQ_SHARED"] ?? fileURLToPath(new URL("../../../../shared", import.meta.url));

export const sharedPath = (...parts: string[]): string => join(root, ...parts);
export const hasShared = (...parts: string[]): boolean => existsSync(sharedPath(...parts));

export interface Entry {
  readonly shape: number[];
  readonly data: Float32Array | Int32Array;
}

/** float32, int32 and int64 (as int32) entries of a safetensors file. */
export function readSafetensors(path: string): { tensors: Record<string, Entry>; metadata: Record<string, string> } {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, unknown>;
  const tensors: Record<string, Entry> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets } = value as { dtype: string; shape: number[]; data_offsets: [number, number] };
    const raw = new Uint8Array(bytes.subarray(8 + length + data_offsets[0], 8 + length + data_offsets[1])).buffer;
    const data =
      dtype === "F32"
        ? new Float32Array(raw)
        : dtype === "I32"
          ? new Int32Array(raw)
          : Int32Array.from(new BigInt64Array(raw), Number);
    tensors[name] = { shape, data };
  }
  return { tensors, metadata: (header["__metadata__"] ?? {}) as Record<string, string> };
}

/** float32, float64 and float16 npy files, as float32. */
export function readNpy(path: string): Entry {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, start);
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)![1]!
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)
    .map(Number);
  const raw = new Uint8Array(bytes.subarray(start)).buffer;
  if (header.includes("<f4")) return { shape, data: new Float32Array(raw) };
  if (header.includes("<f8")) return { shape, data: Float32Array.from(new Float64Array(raw)) };
  return { shape, data: Float32Array.from(new Uint16Array(raw), halfToNumber) };
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
