/** The columns of integers and strings beside the images of a Parquet file: labels and captions. */
import type { ByteSource } from "@revq/core";
import { parquetReadObjects, type AsyncBuffer, type FileMetaData, type SchemaElement } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { ImageTable, TableColumn } from "../beside.js";

/** Row groups of a column in memory. */
const maxGroups = 4;

/** @param images the column of images */
export function besideColumns(
  { name }: ByteSource,
  file: AsyncBuffer,
  metadata: FileMetaData,
  images: string,
): ImageTable {
  const groups = new Map<string, Promise<unknown[]>>();
  const ends: number[] = [];
  for (const { num_rows: rows } of metadata.row_groups) ends.push((ends.at(-1) ?? 0) + Number(rows));

  function groupOf(column: string, index: number): Promise<unknown[]> {
    const key = `${index} ${column}`;
    const known = groups.get(key);
    if (known) return known;
    const range = { rowStart: ends[index - 1] ?? 0, rowEnd: ends[index]! };
    const rows = parquetReadObjects({ file, metadata, columns: [column], compressors, ...range }).then((objects) =>
      objects.map((row) => row[column] as unknown),
    );
    rows.catch(() => groups.delete(key));
    groups.set(key, rows);
    if (groups.size > maxGroups) groups.delete([...groups.keys()][0]!);
    return rows;
  }

  return {
    name,
    rows: ends.at(-1) ?? 0,
    columns: columnsOf(metadata).filter((column) => column.name !== images),
    async value(column, row) {
      const index = ends.findIndex((end) => row < end);
      const value = (await groupOf(column, index))[row - (ends[index - 1] ?? 0)];
      if (typeof value === "bigint") return Number(value);
      return typeof value === "number" || typeof value === "string" ? value : null;
    },
  };
}

function columnsOf({ schema, key_value_metadata: entries }: FileMetaData): TableColumn[] {
  const features = featuresOf(entries?.find(({ key }) => key === "huggingface")?.value);
  const columns: TableColumn[] = [];
  for (let at = 1; at < schema.length; at += sizeOf(schema, at)) {
    const element = schema[at]!;
    const type = typeOf(element);
    const names = features[element.name]?.names;
    const classNames = Array.isArray(names) && names.every((one) => typeof one === "string") ? names : null;
    if (type !== null) columns.push({ name: element.name, type, classNames });
  }
  return columns;
}

/** Number of elements of the subtree at `at`. */
function sizeOf(schema: readonly SchemaElement[], at: number): number {
  let size = 1;
  for (let i = 0; i < (schema[at]?.num_children ?? 0); i++) size += sizeOf(schema, at + size);
  return size;
}

function typeOf(element: SchemaElement): TableColumn["type"] | null {
  const { type, converted_type: converted, logical_type: logical, num_children: children } = element;
  if (children) return null;
  const isText = converted === "UTF8" || converted === "ENUM" || logical?.type === "STRING" || logical?.type === "ENUM";
  if (type === "BYTE_ARRAY") return isText ? "string" : null;
  const isPlain = converted === undefined || /^U?INT_/.test(converted);
  if ((type === "INT32" || type === "INT64") && isPlain && (!logical || logical.type === "INTEGER")) return "integer";
  return null;
}

/** The features that the `datasets` library keeps in a file: `{"label": {"_type": "ClassLabel", "names": […]}}`. */
function featuresOf(text: string | undefined): Readonly<Record<string, { readonly names?: unknown }>> {
  try {
    const { info } = JSON.parse(text ?? "{}") as { info?: { features?: Record<string, { names?: unknown }> } };
    return info?.features ?? {};
  } catch {
    return {};
  }
}
