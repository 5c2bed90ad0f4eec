/** Class labels of images: numbers, and the names of the classes where they have some. */
import { isRevqError, RevqError } from "@revq/core";
import type { BesideImage } from "@revq/data";
import { openColumn } from "./column.js";
import { folderOf } from "./folder.js";
import type { Labelled, Labels, LabelSource } from "./label-types.js";

/**
 * @param source `auto`: the first that every image has of: `.cls`, a column of classes, a folder (of two
 * or more). Null if there is none. With `column` it is the column
 * @param column the column to read; default: the one that is named like a label
 * @param note told why there are no labels where some images have one
 * @throws RevqError `label-missing`, `label-column`
 */
export async function openLabels(
  images: Labelled,
  source: LabelSource | "auto" | "none",
  column?: string,
  note: (line: string) => void = () => {},
): Promise<Labels | null> {
  if (source === "none") return null;
  if (source === "folder") return folderLabels(images);
  if (source === "member") return memberLabels(images);
  if (source === "column" || column !== undefined) return openColumn(images, column);
  const all = images.names.length;
  const withClass = countOf(images, ({ cls }) => cls !== undefined);
  if (withClass === all) return memberLabels(images);
  if (withClass > 0) note(`Only ${withClass} of ${all} images have a .cls, so it gives no labels.`);
  const inTables = countOf(images, ({ row }) => row !== undefined);
  if (inTables === all) {
    return openColumn(images, undefined).catch((error: unknown) => {
      if (!isRevqError(error)) throw error;
      note(`No labels: ${error.message}`);
      return null;
    });
  }
  const folders = images.names.map(folderOf);
  const inFolders = folders.filter((folder) => folder !== null).length;
  if (new Set(folders).size > 1 && inFolders === all) return folderLabels(images);
  if (inFolders > 0 && inFolders < all) {
    note(`No labels: ${inFolders} of ${all} images lie in a folder that could be their class, the others do not.`);
  }
  return null;
}

export function labelsText({ source, column, names }: Labels): string {
  return `${JSON.stringify({ source, column, names }, null, 2)}\n`;
}

function countOf({ names, beside }: Labelled, has: (image: BesideImage) => boolean): number {
  return names.filter((_, index) => has(beside(index))).length;
}

function folderLabels({ names }: Labelled): Labels {
  const folders = names.map((name) => folderOf(name) ?? fail(name, "it lies in no folder", "Name the folder above."));
  const classes = [...new Set(folders)].sort(byBytes);
  const numbers = new Map(classes.map((name, number) => [name, number]));
  return {
    source: "folder",
    column: null,
    names: classes,
    of: async (index) => numbers.get(folders[index]!)!,
  };
}

function memberLabels({ names, beside }: Labelled): Labels {
  const fix = "A .cls file or member beside the image holds its class as a number.";
  return {
    source: "member",
    column: null,
    names: null,
    async of(index) {
      const text = (await beside(index).cls?.())?.trim() ?? fail(names[index]!, "there is no .cls beside it", fix);
      return /^\d+$/.test(text) ? Number(text) : fail(names[index]!, `its .cls holds "${text.slice(0, 40)}"`, fix);
    },
  };
}

/** The order of `LC_ALL=C sort`: it does not depend on a locale. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function fail(name: string, why: string, fix: string): never {
  throw new RevqError("label-missing", `The image ${name} has no label: ${why}.`, {
    fix,
    setting: { path: "labels", value: "none" },
  });
}
