/** Images at their own size, one after the other: what `revq encode --tile` reads. */
import { isRevqError, RevqError } from "@revq/core";
import { decodeImage, openImages, type SkippedImage } from "@revq/data";
import type { Picture } from "@revq/tokenizer";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export interface WholeImages {
  readonly names: readonly string[];
  /** Of a folder: what could not be read. A file that was named one by one is an error instead. */
  readonly skipped: readonly SkippedImage[];
  pictures(): AsyncGenerator<{ readonly name: string; readonly picture: Picture }>;
}

/** @param paths files, or one folder, whose images are named by their relative paths */
export async function openWholeImages(paths: readonly string[]): Promise<WholeImages> {
  const [first = ""] = paths;
  const isFolder = (await stat(first).catch(() => undefined))?.isDirectory() === true;
  const found = isFolder ? await openImages(first, { size: 1 }) : null;
  const names = found?.names ?? paths;
  const skipped: SkippedImage[] = [...(found?.skipped ?? [])];
  return {
    names,
    skipped,
    async *pictures() {
      for (const name of names) {
        const path = isFolder ? join(first, name) : name;
        try {
          yield { name, picture: await decodeImage(await readFile(path)) };
        } catch (cause) {
          if (isRevqError(cause)) throw cause;
          const code = (cause as NodeJS.ErrnoException).code;
          const reason = code === "ENOENT" ? "there is no such file" : (cause as Error).message;
          if (!isFolder) {
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
