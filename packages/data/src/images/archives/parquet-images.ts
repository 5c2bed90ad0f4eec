/**
 * Images in a Parquet file (https://parquet.apache.org/docs/file-format), read with hyparquet one
 * row group at a time. The images are a column of bytes, or of records with fields `bytes` and `path`
 * as the `datasets` library writes them.
 */
import { isRevqError, type ByteSource } from "@revq/core";
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { compressors as allCompressors, type Compressors } from "hyparquet-compressors";
import type { Findings } from "../find/findings.js";
import { besideColumns } from "./parquet-beside.js";
import { damaged, ParquetDamage, requireEnds } from "./parquet-damage.js";
import { imageColumn, partsOf, rangeOf, requireReadable } from "./parquet-column.js";
import { requirePages } from "./parquet-pages.js";
import { bytesOfRow, type ReadBeside } from "./parquet-row.js";

/** Decoded row groups in memory. Images are read in order, a few at once. */
const maxGroups = 2;
/** Larger pages are refused: they would fill the memory. */
const maxPageBytes = 2 ** 31 - 1;

/**
 * Adds an image for every row to `found`; rows without an image are found out when they are read.
 * @param label name of the file
 * @param beside reads a file that a row names; null if there are none
 * @throws RevqError `parquet-damaged`, `parquet-no-images`, `parquet-codec`
 */
export async function findParquetImages(
  source: ByteSource,
  label: string,
  beside: ReadBeside | null,
  found: Findings,
): Promise<void> {
  const file = asyncBuffer(source);
  const { metadata, column, others } = await readMetadata(source, file);
  if (others.length > 0) {
    found.note(`${label}: The images of the column ${column} are used, not those of ${others.join(", ")}.`);
  }
  const compressors = limitedCompressors();
  /** The bytes of the column in a row group, with checked pages. */
  async function readGroup(index: number): Promise<AsyncBuffer> {
    const parts: { start: number; bytes: Uint8Array }[] = [];
    for (const part of partsOf(metadata.row_groups[index]!, column)) {
      const { start, length } = rangeOf(part);
      const bytes = await source.read(start, length);
      requirePages(bytes, part, metadata, compressors);
      parts.push({ start, bytes });
    }
    return {
      byteLength: source.size,
      slice(from, to = source.size) {
        const part = parts.find(({ start, bytes }) => start <= from && to <= start + bytes.length);
        if (!part) return file.slice(from, to);
        return part.bytes.slice(from - part.start, to - part.start).buffer as ArrayBuffer;
      },
    };
  }
  const groups = new Map<number, Promise<unknown[]>>();
  function group(index: number, start: number, end: number): Promise<unknown[]> {
    const known = groups.get(index);
    if (known) return known;
    const rows = readGroup(index)
      .then((file) => {
        const columns = [column];
        return parquetReadObjects({ file, metadata, columns, rowStart: start, rowEnd: end, utf8: false, compressors });
      })
      .then((objects) => objects.map((row) => row[column] as unknown))
      .catch((cause: unknown) => {
        throw damaged(source.name, `its rows ${start} to ${end - 1}`, cause);
      });
    // A damaged group stays known: to decode it for each of its rows would take minutes. Other errors may pass.
    rows.catch((error: unknown) => {
      if (!isRevqError(error) || error.code !== "parquet-damaged") groups.delete(index);
    });
    groups.set(index, rows);
    if (groups.size > maxGroups) groups.delete([...groups.keys()][0]!);
    return rows;
  }

  const table = besideColumns(source, file, metadata, column);
  let start = 0;
  for (const [index, { num_rows }] of metadata.row_groups.entries()) {
    const [first, end] = [start, start + Number(num_rows)];
    for (let row = first; row < end && !found.full(); row++) {
      found.add({
        name: `${label}/${String(row).padStart(8, "0")}`,
        size: () => source.size,
        beside: { row: { table, index: row } },
        read: async () => bytesOfRow((await group(index, first, end))[row - first], beside),
      });
    }
    start = end;
  }
}

async function readMetadata(
  source: ByteSource,
  file: AsyncBuffer,
): Promise<{ metadata: FileMetaData; column: string; others: readonly string[] }> {
  try {
    await requireEnds(source);
    const metadata = await parquetMetadataAsync(file);
    const { name, others } = imageColumn(source.name, metadata);
    requireReadable(source, name, metadata);
    requireRows(source.size, metadata);
    return { metadata, column: name, others };
  } catch (cause) {
    throw damaged(source.name, "the list of its columns", cause);
  }
}

/** A damaged number of rows must not fill the memory: an image has a few bytes, a null almost none. */
function requireRows(bytes: number, { row_groups }: FileMetaData): void {
  let rows = 0;
  for (const { num_rows } of row_groups) {
    rows += Number(num_rows);
    if (!(num_rows >= 0) || rows > Math.max(1_000_000, bytes)) throw new ParquetDamage(`it states ${rows} rows`);
  }
}

/** A damaged size must not fill the memory. */
function limitedCompressors(): Compressors {
  return Object.fromEntries(
    Object.entries(allCompressors).map(([codec, decompress]) => [
      codec,
      (input: Uint8Array, length: number): Uint8Array => {
        // Nothing that is compressed shrinks further: brotli and zstd reach some 10,000 on zeros.
        if (length > maxPageBytes || length > 2 ** 20 + 100_000 * input.length) {
          throw new ParquetDamage(`it states ${length} bytes for a packed page of ${input.length}`);
        }
        return decompress(input, length);
      },
    ]),
  );
}

function asyncBuffer(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.size,
    slice: (start, end = source.size) => {
      const read = source
        .read(start, end - start)
        .then(({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
      // hyparquet reads ahead and does not always wait for it; the error comes with the rows.
      read.catch(() => {});
      return read;
    },
  };
}
