/** Labels and captions in the columns of Parquet files with images. */
import { RevqError } from "@revq/core";
import type { ImageTable, TableColumn, TableRow } from "@revq/data";
import type { Labelled, Labels } from "./label-types.js";

const labelNames = [/^labels?$/i, /^(class|cls|class_id|target|category|coarse_label|fine_label)$/i];
const captionNames = [/^(caption|text|prompt|txt)s?$/i];

/** @throws RevqError `label-column`, `label-missing` */
export async function openColumn(images: Labelled, wanted: string | undefined): Promise<Labels> {
  const rows = images.names.map((name, index) => images.beside(index).row ?? noTable(name));
  const tables = [...new Set(rows.map(({ table }) => table))];
  const columns = tables.map((table) => chooseColumn(table, wanted));
  const [{ name, type, classNames }] = columns as [TableColumn];
  if (columns.some((column) => column.type !== type || column.classNames?.join() !== classNames?.join())) {
    throw columnError(`The column ${name} differs between ${tables[0]!.name} and other files.`);
  }
  const read = async (index: number): Promise<number | string> => {
    const { table, index: row } = rows[index]!;
    const value = await table.value(name, row);
    if (value !== null && value !== -1) return value;
    throw new RevqError("label-missing", `The image ${images.names[index]} has no label: ${name} is ${value}.`, {
      fix: "Leave such images out, or tokenize without labels.",
      setting: { path: "labels", value: "none" },
    });
  };
  const about = { source: "column", column: name } as const;
  if (type === "integer")
    return { ...about, names: classNames && [...classNames], of: async (i) => Number(await read(i)) };
  const found = new Set<string>();
  for (const index of rows.keys()) found.add(String(await read(index)));
  const names = [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const numbers = new Map(names.map((one, number) => [one, number]));
  return { ...about, names, of: async (index) => numbers.get(String(await read(index)))! };
}

/** The column of captions of a row's table; null if there is none. */
export function captionColumn({ table }: TableRow): string | null {
  return find(table.columns, captionNames, ({ type }) => type === "string")?.name ?? null;
}

function chooseColumn({ name, columns }: ImageTable, wanted: string | undefined): TableColumn {
  const column =
    wanted === undefined
      ? (columns.find(({ classNames }) => classNames !== null) ?? find(columns, labelNames, () => true))
      : columns.find((one) => one.name === wanted);
  if (column) return column;
  const others = columns.map((one) => one.name).join(", ") || "none";
  throw columnError(
    `${name} has no column ${wanted ?? "that is named like a label"}. Its columns of integers and strings: ${others}.`,
  );
}

function find(
  columns: readonly TableColumn[],
  patterns: readonly RegExp[],
  fits: (column: TableColumn) => boolean,
): TableColumn | undefined {
  for (const pattern of patterns) {
    const found = columns.find((column) => pattern.test(column.name) && fits(column));
    if (found) return found;
  }
  return undefined;
}

function noTable(name: string): never {
  throw columnError(`The image ${name} is in no Parquet file.`);
}

function columnError(message: string): RevqError {
  return new RevqError("label-column", message, {
    fix: "Name the column, or take labels from elsewhere.",
    setting: { path: "labelColumn" },
  });
}
