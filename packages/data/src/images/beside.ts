/** What lies beside an image: files and members of its name, and the other columns of its row. */

export interface BesideImage {
  /** Text of the `.cls` file or member of the image's stem, else of its key: its class as a number. */
  readonly cls?: () => Promise<string>;
  /** Text of the `.txt` file or member of the image's stem, else of its key: its caption. */
  readonly txt?: () => Promise<string>;
  /** The row that the image is in. */
  readonly row?: TableRow;
}

export interface TableRow {
  readonly table: ImageTable;
  /** From 0. */
  readonly index: number;
}

/** A Parquet file with images. */
export interface ImageTable {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly TableColumn[];
  /** A value of a column; null where there is none. */
  value(column: string, row: number): Promise<number | string | null>;
}

/** A column of integers or strings beside the images. */
export interface TableColumn {
  readonly name: string;
  readonly type: "integer" | "string";
  /** Names of the classes, where the file says that the column holds classes. */
  readonly classNames: readonly string[] | null;
}

/**
 * The path without what follows the first dot of its last part. Files of one key belong together
 * (WebDataset, "The WebDataset Format"): the key of `n01/a.b.png` is `n01/a`.
 */
export function keyOf(path: string): string {
  return path.replace(/(?<=[^/])\.[^/]*$/, "");
}

/** The path without its last extension: `n01/a.b.png` is `n01/a.b`. */
export function stemOf(path: string): string {
  return path.replace(/(?<=[^/])\.[^./]*$/, "");
}
