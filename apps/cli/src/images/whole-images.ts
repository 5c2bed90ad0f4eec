/** Images at their own size, one after the other, for `revq encode --tile`. */
import { isRevqError, RevqError } from "@revq/core";
import { decodeImage, openImages, type SkippedImage } from "@revq/data";
import type { RgbaImage } from "@revq/tokenizer";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../errors/message-of.js";
import { isFolder } from "./is-folder.js";

export interface WholeImages {
  readonly names: readonly string[];
  /** Images of a folder that could not be read. An unreadable file that was named on its own is an error instead. */
  readonly skipped: readonly SkippedImage[];
  read(): AsyncGenerator<{ readonly name: string; readonly image: RgbaImage }>;
}

/** @param paths files, or one folder; the images of a folder are named by their relative paths */
export async function openWholeImages(paths: readonly string[]): Promise<WholeImages> {
  const [first = ""] = paths;
  const fromFolder = isFolder(first);
  const found = fromFolder ? await openImages(first, { size: 1 }) : null;
  const names = found?.names ?? paths;
  const skipped: SkippedImage[] = [...(found?.skipped ?? [])];
  return {
    names,
    skipped,
    async *read() {
      for (const name of names) {
        const path = fromFolder ? join(first, name) : name;
        try {
          yield { name, image: await decodeImage(await readFile(path)) };
        } catch (cause) {
          if (isRevqError(cause)) throw cause;
          const code = (cause as NodeJS.ErrnoException).code;
          const reason = code === "ENOENT" ? "there is no such file" : messageOf(cause);
          if (!fromFolder) {
            throw new RevqError("image-unreadable", `The image ${path} cannot be read: ${reason}.`, {
              fix: "Name jpeg, png or webp files.",
              cause,
            });
          }
          skipped.push({ name, reason });
        }
      }
    },
  };
}
