/**
 * Images in a Parquet file (https://parquet.apache.org/docs/file-format), read with hyparquet one
 * row group at a time. The images are a column of bytes, or of records with a field `bytes` as the
 * `datasets` library writes them.
 */
import { RevqError, type ByteSource } from "@revq/core";
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from "hyparquet";
import type { ArchivedImage } from "./archived-image.js";

/** Decoded row groups in memory. Images are read in order, a few at once. */
const maxGroups = 2;

/** @throws RevqError `parquet-damaged`, `parquet-no-images` */
export async function* parquetImages(source: ByteSource, archive: string): AsyncGenerator<ArchivedImage> {
  const file: AsyncBuffer = {
    byteLength: source.size,
    slice: async (start, end = source.size) => {
      const bytes = await source.read(start, end - start);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
  const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
    throw damaged(source.name, cause);
  });
  const column = imageColumn(source.name, metadata);
  const groups = new Map<number, Promise<Uint8Array[]>>();

  function group(index: number, start: number, end: number): Promise<Uint8Array[]> {
    const known = groups.get(index);
    if (known) return known;
    const rows = parquetReadObjects({ file, metadata, columns: [column], rowStart: start, rowEnd: end, utf8: false })
      .then((objects) => objects.map((row) => bytesOf(row[column])))
      .catch((cause: unknown) => {
        throw damaged(source.name, cause);
      });
    groups.set(index, rows);
    if (groups.size > maxGroups) groups.delete([...groups.keys()][0]!);
    return rows;
  }

  let start = 0;
  for (const [index, { num_rows }] of metadata.row_groups.entries()) {
    const [first, end] = [start, start + Number(num_rows)];
    for (let row = first; row < end; row++) {
      yield {
        name: `${archive}/${String(row).padStart(8, "0")}`,
        bytes: source.size,
        read: async () => (await group(index, first, end))[row - first]!,
      };
    }
    start = end;
  }
}

/** The column named image, img, jpg, png or alike, or the only column of bytes. */
function imageColumn(name: string, { schema }: FileMetaData): string {
  const top: { name: string; bytes: boolean }[] = [];
  for (let i = 1; i < schema.length;) {
    const element = schema[i]!;
    const children = schema.slice(i + 1, i + 1 + (element.num_children ?? 0));
    const bytes = element.num_children
      ? children.some((child) => child.name === "bytes")
      : element.type === "BYTE_ARRAY" && element.converted_type !== "UTF8";
    top.push({ name: element.name, bytes });
    i += 1 + descendants(schema, i);
  }
  const candidates = top.filter((column) => column.bytes).map((column) => column.name);
  const chosen = candidates.find((column) => /^(image|img|jpe?g|png|webp|photo|picture)/i.test(column));
  if (chosen !== undefined) return chosen;
  if (candidates.length === 1) return candidates[0]!;
  throw new RevqError(
    "parquet-no-images",
    `${name} has no column of images; its columns are ${top.map((column) => column.name).join(", ")}.`,
    { fix: "Use a file with a column of bytes, or of records with a field bytes. Among several, name it image." },
  );
}

function descendants(schema: FileMetaData["schema"], at: number): number {
  let count = 0;
  for (let child = 0; child < (schema[at]!.num_children ?? 0); child++) {
    const next = at + 1 + count;
    if (next >= schema.length) return schema.length - at - 1;
    count += 1 + descendants(schema, next);
  }
  return count;
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const inner = (value as { bytes?: unknown } | null)?.bytes;
  return inner instanceof Uint8Array ? inner : new Uint8Array(0); // the decoder reports that it is empty
}

function damaged(name: string, cause: unknown): RevqError {
  return new RevqError("parquet-damaged", `${name} cannot be read as Parquet: ${(cause as Error).message}.`, {
    fix: "Get the file again; compression other than snappy is not supported.",
    cause,
  });
}
