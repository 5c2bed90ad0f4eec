/** Images at their own size, one after the other, for `revq encode --tile`. */
import { isRevqError } from "@revq/core";
import { openImages, type IndexedImageSource, type OpenImagesOptions, type SkippedImage } from "@revq/data";
import type { RgbaImage } from "@revq/tokenizer";
import { messageOf } from "../errors/message-of.js";

export interface WholeImages {
  readonly source: IndexedImageSource;
  /** Images that could not be read later. An unreadable file that was named on its own is an error instead. */
  readonly skipped: readonly SkippedImage[];
  read(): AsyncGenerator<{ readonly name: string; readonly image: RgbaImage }>;
}

/** @param paths whatever `openImages` takes */
export async function openWholeImages(
  paths: readonly string[],
  options: Pick<OpenImagesOptions, "skipBroken" | "pixelLimit"> = {},
): Promise<WholeImages> {
  const source = await openImages(paths, { size: 1, ...options });
  const skipped: SkippedImage[] = [];
  return {
    source,
    skipped,
    async *read() {
      for (const [index, name] of source.names.entries()) {
        try {
          yield { name, image: await source.whole(index) };
        } catch (cause) {
          if (isRevqError(cause)) throw cause;
          skipped.push({ name, reason: messageOf(cause) });
        }
      }
    },
  };
}
