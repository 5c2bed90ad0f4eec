/**
 * The header of a numpy `.npy` file, versions 1.0, 2.0 and 3.0: magic, version, length and a Python
 * dict literal. Only plain numeric arrays are read. Headers are written with numpy's bytes. Format:
 * numpy.lib.format (NEP 1).
 */
import { RevqError } from "@revq/core";
import { elementCount, type DType } from "../dtypes.js";
import { parsePythonLiteral } from "./python-literal.js";

/** Element types, by numpy's names. */
export const npyDTypes = [
  "float64",
  "float32",
  "float16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool",
] as const;
export type NpyDType = (typeof npyDTypes)[number];

/** numpy's kind and size, and safetensors' name of the same type. */
const typeNames: Readonly<Record<NpyDType, readonly [descr: string, dtype: DType]>> = {
  float64: ["f8", "F64"],
  float32: ["f4", "F32"],
  float16: ["f2", "F16"],
  int64: ["i8", "I64"],
  int32: ["i4", "I32"],
  int16: ["i2", "I16"],
  int8: ["i1", "I8"],
  uint64: ["u8", "U64"],
  uint32: ["u4", "U32"],
  uint16: ["u2", "U16"],
  uint8: ["u1", "U8"],
  bool: ["b1", "BOOL"],
};

export interface NpyHeader {
  readonly shape: readonly number[];
  readonly dtype: NpyDType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  /** Number of elements. */
  readonly count: number;
  /** First byte of the data. */
  readonly dataOffset: number;
}

/** Leading bytes of a file that contain the header's length, or tell what other file it is. */
export const preambleBytes = 320;
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const maxHeaderLength = 1 << 20;

export function fileDType(dtype: NpyDType): DType {
  return typeNames[dtype][1];
}

function fail(
  code: string,
  name: string,
  what: string,
  fix = "Get the file again, or save it again with numpy.save.",
): never {
  throw new RevqError(`npy-${code}`, `${name}: ${what}`, { fix });
}

/** Names the formats that are given instead of a .npy file. */
function refuseOtherFormat(name: string, start: Uint8Array): void {
  if (start[8] === 0x7b) {
    fail(
      "is-safetensors",
      name,
      "is a safetensors file, not a .npy file.",
      "If it is part of a store of latents, name the store's folder. Else save one array with numpy.save.",
    );
  }
  const pickle = start[0] === 0x80 && start[1]! <= 5;
  const zip = start[0] === 0x50 && start[1] === 0x4b;
  const firstEntry = new TextDecoder("latin1").decode(start.subarray(30));
  // torch.save begins with <name>/data.pkl, <name>/version or the like; numpy.savez with <array>.npy.
  const isNpz = zip && firstEntry.includes(".npy");
  if (pickle || (zip && !isNpz && firstEntry.includes("/"))) {
    fail(
      "is-torch",
      name,
      "is a file of torch.save, not a .npy file.",
      "In Python: numpy.save(NEW_PATH, torch.load(PATH).float().cpu().numpy()).",
    );
  }
  if (zip) {
    fail(
      "is-npz",
      name,
      `is a zip archive (${isNpz ? "" : "perhaps an "}.npz), not a .npy file.`,
      "Save one array with numpy.save.",
    );
  }
}

/**
 * Parses magic, version and length.
 * @param start the first bytes of the file: at least `preambleBytes`, or fewer when it is shorter.
 * With more of them, a file of another format is named better.
 */
export function parsePreamble(
  name: string,
  start: Uint8Array,
): { headerOffset: number; headerLength: number; major: number } {
  if (magic.some((byte, i) => start[i] !== byte)) {
    refuseOtherFormat(name, start);
    fail("not-npy", name, "is not a .npy file: it does not begin with \\x93NUMPY.");
  }
  const major = start[6] ?? 0;
  if (major < 1 || major > 3) fail("version", name, `is npy version ${major}.${start[7] ?? 0}; 1.0 to 3.0 are known.`);
  const headerOffset = major === 1 ? 10 : 12;
  if (start.length < headerOffset)
    fail("truncated", name, `got ${start.length} bytes: the file ends inside its header.`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > maxHeaderLength)
    fail("header", name, `claims a header of ${headerLength} bytes; at most ${maxHeaderLength}.`);
  return { headerOffset, headerLength, major };
}

/**
 * Parses the dict literal. Throws `npy-*` errors for object arrays, structured or unknown dtypes
 * and bad shapes.
 */
export function parseHeader(name: string, header: Uint8Array, major: number, dataOffset: number): NpyHeader {
  let text: string;
  try {
    text = new TextDecoder(major === 3 ? "utf-8" : "latin1", { fatal: true }).decode(header);
  } catch {
    fail("header", name, "its header is not UTF-8.");
  }
  const value = parsePythonLiteral(text);
  if (!(value instanceof Map)) fail("header", name, "its header is not a Python dict.");
  const missing = ["descr", "fortran_order", "shape"].filter((key) => !value.has(key));
  if (missing.length || value.size !== 3) {
    fail(
      "header",
      name,
      `its header must have descr, fortran_order and shape; got ${[...value.keys()].join(", ") || "nothing"}.`,
    );
  }
  const fortranOrder = value.get("fortran_order");
  if (typeof fortranOrder !== "boolean") fail("header", name, "fortran_order is not True or False.");
  const shape = value.get("shape");
  if (
    !Array.isArray(shape) ||
    !shape.every((size): size is number => Number.isSafeInteger(size) && Number(size) >= 0)
  ) {
    fail("shape", name, "shape is not a tuple of whole numbers from 0.");
  }
  const count = elementCount(shape);
  if (count === undefined) fail("shape", name, `shape [${shape}] has more elements than can be counted.`);
  return { shape, ...parseDescr(name, value.get("descr")), fortranOrder, count, dataOffset };
}

function parseDescr(name: string, descr: unknown): { dtype: NpyDType; bigEndian: boolean } {
  const convert = "Convert it in Python first: numpy.save(path, array.astype('float32')).";
  if (Array.isArray(descr))
    fail("structured", name, "is a structured array (records); only plain numbers can be read.", convert);
  const match = typeof descr === "string" ? /^([<>|=])?([a-zA-Z])(\d*)$/.exec(descr) : null;
  if (match?.[2] === "O") {
    fail("object", name, "is an array of Python objects, which are pickled code and are not read.", convert);
  }
  const dtype = npyDTypes.find((one) => typeNames[one][0] === `${match?.[2]}${match?.[3]}`);
  if (!match || !dtype) {
    fail(
      "dtype",
      name,
      `has dtype ${typeof descr === "string" ? `'${descr.slice(0, 40)}'` : "of an unknown form"}; known are ${npyDTypes.join(", ")}.`,
      convert,
    );
  }
  return { dtype, bigEndian: match[1] === ">" };
}

/**
 * Magic, version and header as `numpy.save` writes them for a C-ordered array. The data follow in
 * the file, row-major and little-endian. Use it to write an array in parts.
 *
 * @example
 * npyHeader({ shape: [2, 3], dtype: "float32" }).length; // => 128
 */
export function npyHeader({ shape, dtype }: { shape: readonly number[]; dtype: NpyDType }): Uint8Array {
  const descr = typeNames[dtype][0];
  const order = descr.endsWith("1") ? "|" : "<";
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  // numpy leaves room for the first axis to grow to 21 digits in place.
  const room = shape.length ? " ".repeat(Math.max(0, 21 - `${shape[0]}`.length)) : "";
  const dict = `{'descr': '${order}${descr}', 'fortran_order': False, 'shape': ${tuple}, }${room}`;
  const preamble = dict.length + 1 + 64 < 65536 ? 10 : 12;
  const padding = 64 - ((preamble + dict.length + 1) % 64);
  const headerLength = dict.length + padding + 1;
  const bytes = new Uint8Array(preamble + headerLength);
  bytes.set(magic);
  bytes[6] = preamble === 10 ? 1 : 2;
  const view = new DataView(bytes.buffer);
  if (preamble === 10) view.setUint16(8, headerLength, true);
  else view.setUint32(8, headerLength, true);
  bytes.set(new TextEncoder().encode(`${dict}${" ".repeat(padding)}\n`), preamble);
  return bytes;
}
