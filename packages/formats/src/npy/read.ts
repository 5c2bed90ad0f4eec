/** Reads npy files, all at once or by rows. Format: numpy.lib.format (NEP 1). */
import { RevqError, type ByteSource } from "@revq/core";
import { fromBuffer } from "../bytes/from-buffer.js";
import { bytesPerElement, toFloat32, viewAs, type TensorData } from "../dtypes.js";
import { fortranStrides, gatherStrided } from "../strided.js";
import { refuseHeaderless } from "../wrong-file.js";
import { fileDType, parseHeader, parsePreamble, preambleBytes, type NpyDType, type NpyHeader } from "./header.js";

export interface NpyArray {
  readonly shape: readonly number[];
  readonly dtype: NpyDType;
  /**
   * Row-major, also for files in Fortran order. float16: raw bits in a `Uint16Array`; bool: 0 or 1
   * in a `Uint8Array`.
   */
  readonly data: TensorData;
}

/** An open file. Its rows (along the first axis) are read when they are needed. */
export interface NpyFile {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: NpyDType;
  /** Size of the first axis; 1 for a scalar. */
  readonly rows: number;
  /** Number of elements of one row. */
  readonly rowLength: number;
  /**
   * `count` rows from `start`, as float32 (float64 and large integers are rounded). Throws
   * `npy-rows` outside the array.
   */
  readRows(start: number, count: number): Promise<Float32Array>;
}

/**
 * The whole array.
 * @throws RevqError `npy-*`: not npy, truncated, object or structured arrays, unknown dtypes
 * @example
 * const file = writeNpy({ shape: [3], data: Int32Array.of(1, 2, 3) });
 * const { dtype, data } = await readNpy(file);
 * dtype; // => "int32"
 * data; // => [1, 2, 3]
 */
export async function readNpy(input: Uint8Array | ByteSource, name = "npy data"): Promise<NpyArray> {
  const source = input instanceof Uint8Array ? fromBuffer(name, input) : input;
  const header = await readHeader(source);
  const bytes = await source.read(header.dataOffset, header.count * elementBytes(header));
  const data = decode(bytes, header);
  return {
    shape: header.shape,
    dtype: header.dtype,
    data: header.fortranOrder ? gatherStrided(data, header.shape, fortranStrides(header.shape)) : data,
  };
}

/**
 * The whole array as float32. The caller owns it.
 *
 * @example
 * const file = writeNpy({ shape: [2], data: Float64Array.of(0.5, 1.5) });
 * (await readNpyFloat32(file)).data; // => [0.5, 1.5]
 */
export async function readNpyFloat32(
  input: Uint8Array | ByteSource,
  name?: string,
): Promise<{ shape: readonly number[]; data: Float32Array }> {
  const { shape, dtype, data } = await readNpy(input, name);
  return { shape, data: toFloat32(data, fileDType(dtype)) };
}

/**
 * Opens a file and reads its header. Arrays of two or more axes in Fortran order are refused: their
 * rows are not contiguous.
 * @throws RevqError `npy-*`
 * @example
 * const file = writeNpy({ shape: [3, 2], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
 * const latents = await openNpy(fromBuffer("latents.npy", file));
 * await latents.readRows(1, 1); // => [2, 3]
 */
export async function openNpy(source: ByteSource): Promise<NpyFile> {
  const header = await readHeader(source);
  const { shape, dtype } = header;
  if (header.fortranOrder && shape.filter((size) => size !== 1).length > 1) {
    throw new RevqError("npy-fortran-rows", `${source.name} is in Fortran order, so it cannot be read by rows.`, {
      fix: "Save it with numpy.save(path, numpy.ascontiguousarray(array)).",
    });
  }
  const rows = shape[0] ?? 1;
  const rowLength = shape.slice(1).reduce((product, size) => product * size, 1);
  const rowBytes = rowLength * elementBytes(header);
  return {
    name: source.name,
    shape,
    dtype,
    rows,
    rowLength,
    async readRows(start, count) {
      if (
        !Number.isSafeInteger(start) ||
        !Number.isSafeInteger(count) ||
        start < 0 ||
        count < 0 ||
        start + count > rows
      ) {
        throw new RevqError(
          "npy-rows",
          `${source.name} has ${rows} rows; ${start} to ${start + count} were requested.`,
        );
      }
      const bytes = await source.read(header.dataOffset + start * rowBytes, count * rowBytes);
      return toFloat32(decode(bytes, header), fileDType(dtype));
    },
  };
}

function elementBytes(header: NpyHeader): number {
  return bytesPerElement(fileDType(header.dtype));
}

/** Also checks the file's length. Bytes after the array are ignored, as in numpy. */
async function readHeader(source: ByteSource): Promise<NpyHeader> {
  const { name, size } = source;
  const start = await source.read(0, Math.min(size, preambleBytes));
  refuseHeaderless(name, start);
  const { headerOffset, headerLength, major } = parsePreamble(name, start);
  const dataOffset = headerOffset + headerLength;
  if (dataOffset > size) throw truncated(name, size, dataOffset);
  const header = parseHeader(name, await source.read(headerOffset, headerLength), major, dataOffset);
  const end = dataOffset + header.count * elementBytes(header);
  if (end > size) throw truncated(name, size, end);
  return header;
}

function truncated(name: string, size: number, expected: number): RevqError {
  return new RevqError("npy-truncated", `${name}: got ${size} bytes of ${expected}: the file is truncated.`, {
    fix: "Get the file again, or save it again with numpy.save.",
  });
}

/** A copy in the machine's byte order: the bytes may be a view of memory that the source shares. */
function decode(bytes: Uint8Array, header: NpyHeader): TensorData {
  const copy = bytes.slice();
  const size = elementBytes(header);
  if (header.bigEndian) for (let i = 0; i < copy.length; i += size) copy.subarray(i, i + size).reverse();
  return viewAs(copy, fileDType(header.dtype));
}
