/** Captions of images: `.txt` files and members, or a column of their table. */
import { captionColumn } from "./column.js";
import type { Labelled } from "./label-types.js";

/** The caption of an image; null if it has none. */
export type Captions = (index: number) => Promise<string | null>;

/** Null if no image has one. */
export function openCaptions({ names, beside }: Labelled): Captions | null {
  const hasOne = names.some((_, index) => {
    const { txt, row } = beside(index);
    return txt !== undefined || (row !== undefined && captionColumn(row) !== null);
  });
  if (!hasOne) return null;
  return async (index) => {
    const { txt, row } = beside(index);
    if (txt) return (await txt()).trim();
    const column = row && captionColumn(row);
    const value = column ? await row.table.value(column, row.index) : null;
    return value === null ? null : String(value);
  };
}
