/** Class labels of images: numbers, and the names of the classes where they have some. */
import { RevqError } from "@revq/core";
import type { BesideImage } from "@revq/data";
import { openColumn } from "./column.js";
import { folderOf } from "./folder.js";
import type { Labelled, Labels, LabelSource } from "./label-types.js";

/**
 * @param source `auto`: the first that every image has of: `.cls`, a column of classes, a folder (of two
 * or more). Null if there is none
 * @param column the column to read; default: the one that is named like a label
 * @throws RevqError `label-missing`, `label-column`
 */
export async function openLabels(
  images: Labelled,
  source: LabelSource | "auto" | "none",
  column?: string,
): Promise<Labels | null> {
  if (source === "none") return null;
  if (source === "folder") return folderLabels(images);
  if (source === "member") return memberLabels(images);
  if (source === "column") return openColumn(images, column);
  if (every(images, ({ cls }) => cls !== undefined)) return memberLabels(images);
  if (every(images, ({ row }) => row !== undefined)) return openColumn(images, column).catch(() => null);
  const folders = new Set(images.names.map(folderOf));
  return folders.size > 1 && !folders.has(null) ? folderLabels(images) : null;
}

export function labelsText({ source, column, names }: Labels): string {
  return `${JSON.stringify({ source, column, names }, null, 2)}\n`;
}

function every({ names, beside }: Labelled, has: (image: BesideImage) => boolean): boolean {
  return names.length > 0 && names.every((_, index) => has(beside(index)));
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
