/** Finds the column of images in a Parquet file's schema, and checks that it can be decoded. */
import { RevqError, type ByteSource } from "@revq/core";
import type { ColumnMetaData, FileMetaData, RowGroup, SchemaElement } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { ParquetDamage } from "./parquet-damage.js";

export interface ImageColumn {
  readonly name: string;
  /** Other columns of bytes; they are not read. */
  readonly others: readonly string[];
}

/** Of a column whose values have one length; hashes are shorter. */
const minImageBytes = 67; // the smallest PNG
/** Two row groups are in memory, packed and unpacked. */
const maxGroupBytes = 2 ** 30;
const goodGroupBytes = 2 ** 27;

interface Node {
  readonly element: SchemaElement;
  readonly children: readonly Node[];
}

const imageNames = [/^(image|img|jpe?g|png|webp|photo|picture)s?$/i, /^(image|img|jpe?g|png|webp|photo|picture)/i];
const encodings = new Set([
  "PLAIN",
  "RLE",
  "BIT_PACKED",
  "PLAIN_DICTIONARY",
  "RLE_DICTIONARY",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
  "BYTE_STREAM_SPLIT",
]);

/**
 * The column named image, img, jpg, png or alike, or the only column of bytes. A column of bytes is
 * binary, a record with a field `bytes`, or a list of those. What the `datasets` library wrote down
 * goes first.
 * @throws RevqError `parquet-no-images`, `parquet-which-column`
 */
export function imageColumn(file: string, metadata: FileMetaData): ImageColumn {
  const columns = treeOf(metadata.schema);
  const ofBytes = columns.filter((column) => holdsBytes(column)).map(({ element }) => element.name);
  // Bytes of one length may be hashes.
  const ofOneLength = columns.filter((column) => holdsLongBytes(column)).map(({ element }) => element.name);
  const candidates = ofBytes.length > 0 ? ofBytes : ofOneLength;
  const features = imageFeatures(metadata);
  const named = [
    candidates.find((name) => features.has(name)),
    ...imageNames.map((pattern) => candidates.find((name) => pattern.test(name))),
  ];
  const name = named.find((found) => found !== undefined) ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (name !== undefined) return { name, others: candidates.filter((other) => other !== name) };
  if (candidates.length > 1) {
    throw new RevqError("parquet-which-column", `${file} has several columns of bytes: ${candidates.join(", ")}.`, {
      fix: "Write the file again with the column of images renamed to `image`: the column of this name is used.",
    });
  }
  const text = columns.find(({ element }) => imageNames[0]!.test(element.name) && isText(element))?.element.name;
  if (text !== undefined) {
    throw new RevqError("parquet-no-images", `${file} has no bytes of images; its column ${text} is text.`, {
      fix: "Write the files' bytes into the column, not their names, addresses or base64.",
    });
  }
  throw new RevqError(
    "parquet-no-images",
    `${file} has no column of images; its columns are ${columns.map(({ element }) => element.name).join(", ")}.`,
    { fix: "Use a file with a column of bytes, or of records with a field bytes." },
  );
}

/**
 * Checks every part of the column before anything is read.
 * @throws RevqError `parquet-codec` for a compression or encoding that cannot be read, `Error` for a
 * part that is not in the file
 */
export function requireReadable({ name, size }: ByteSource, column: string, { row_groups }: FileMetaData): void {
  for (const [index, group] of row_groups.entries()) {
    const parts = partsOf(group, column);
    if (parts.length === 0) throw new ParquetDamage(`it has a row group without the column ${column}`);
    for (const part of parts) {
      const { codec } = part;
      const { start, length } = rangeOf(part);
      if (!(start >= 0 && Number(part.data_page_offset) >= 0 && length >= 0 && start + length <= size)) {
        throw new ParquetDamage(`its column ${column} is not within the file`);
      }
      const unknown = part.encodings.find((encoding) => !encodings.has(encoding));
      if (codec !== "UNCOMPRESSED" && !compressors[codec]) throw unreadable(name, column, `the compression ${codec}`);
      if (unknown !== undefined) throw unreadable(name, column, `the encoding ${unknown}`);
    }
    const bytes = parts.reduce((sum, part) => sum + Math.max(Number(part.total_uncompressed_size), 0), 0);
    if (bytes > maxGroupBytes) throw tooLarge(name, index, Number(group.num_rows), bytes);
    // Of lists there are more values than rows, at least one of each.
    const few = parts.find((part) => part.num_values < group.num_rows);
    if (few) {
      throw new ParquetDamage(`it states ${group.num_rows} rows, and ${few.num_values} values of the column ${column}`);
    }
  }
}

/** The parts of a column in one row group: one for each of its leaves. */
export function partsOf({ columns }: RowGroup, column: string): ColumnMetaData[] {
  return columns.flatMap(({ meta_data: part }) => (part?.path_in_schema[0] === column ? [part] : []));
}

/** Where a part lies in the file. */
export function rangeOf(part: ColumnMetaData): { readonly start: number; readonly length: number } {
  const { dictionary_page_offset: dictionary, data_page_offset: data, total_compressed_size: bytes } = part;
  return { start: Number(dictionary || data), length: Number(bytes) };
}

function tooLarge(file: string, group: number, rows: number, bytes: number): RevqError {
  const gigabytes = (bytes / 2 ** 30).toFixed(1);
  const fitting = Math.max(1, Math.floor((rows * goodGroupBytes) / bytes));
  return new RevqError(
    "parquet-group-size",
    `${file}: row group ${group} has ${rows} rows with ${gigabytes} GiB of images. A row group is read at once, up to ${maxGroupBytes / 2 ** 30} GiB.`,
    { fix: `Write the file again with at most ${fitting} rows a row group: to_parquet(…, row_group_size=${fitting}).` },
  );
}

function unreadable(file: string, column: string, what: string): RevqError {
  return new RevqError("parquet-codec", `${file}: the column ${column} has ${what}, which cannot be read.`, {
    fix: "Write the file again with zstd, snappy, gzip, brotli, lz4 or no compression.",
  });
}

/** Columns of type Image in the features that the `datasets` library keeps in the file. */
function imageFeatures({ key_value_metadata: entries }: FileMetaData): ReadonlySet<string> {
  try {
    const text = entries?.find(({ key }) => key === "huggingface")?.value ?? "{}";
    const { info } = JSON.parse(text) as { info?: { features?: Record<string, { _type?: unknown } | null> } };
    return new Set(
      Object.entries(info?.features ?? {}).flatMap(([name, feature]) => (feature?._type === "Image" ? [name] : [])),
    );
  } catch {
    return new Set();
  }
}

function treeOf(schema: readonly SchemaElement[]): readonly Node[] {
  let next = 0;
  function node(depth: number): Node {
    const element = schema[next++];
    if (!element || depth > 100) throw new ParquetDamage("its list of columns is damaged");
    const children: Node[] = [];
    for (let i = 0; i < (element.num_children ?? 0); i++) children.push(node(depth + 1));
    return { element, children };
  }
  return node(0).children;
}

function holdsLongBytes({ children, element }: Node): boolean {
  const { type, type_length: length = 0, converted_type: converted, logical_type: logical } = element;
  const isPlain = converted === undefined && logical === undefined;
  return children.length === 0 && type === "FIXED_LEN_BYTE_ARRAY" && length >= minImageBytes && isPlain;
}

function holdsBytes({ element, children }: Node): boolean {
  if (children.length === 0) return isBinary(element);
  const { converted_type: converted, logical_type: logical } = element;
  if (converted === "LIST" || logical?.type === "LIST") return children.every(listHoldsBytes);
  return children.some(
    (child) => child.element.name === "bytes" && child.children.length === 0 && isBinary(child.element),
  );
}

/** The repeated node of a list, with or without a node for its items (Parquet, "LogicalTypes", "Lists"). */
function listHoldsBytes(repeated: Node): boolean {
  if (holdsBytes(repeated)) return true;
  return repeated.children.length === 1 && holdsBytes(repeated.children[0]!);
}

function isText({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return type === "BYTE_ARRAY" && (converted === "UTF8" || logical?.type === "STRING");
}

function isBinary({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return type === "BYTE_ARRAY" && converted === undefined && logical === undefined;
}
