/** Images at their own size, one after the other, for `revq encode --tile`. */
import { isRevqError } from "@revq/core";
import type { IndexedImageSource, SkippedImage } from "@revq/data";
import type { RgbaImage } from "@revq/tokenizer";
import { messageOf } from "../errors/message-of.js";

/** @param skipped gets the images that cannot be read. A file that was named on its own is an error instead */
export async function* readWholeImages(
  source: IndexedImageSource,
  skipped: SkippedImage[],
): AsyncGenerator<{ readonly name: string; readonly image: RgbaImage }> {
  for (const [index, name] of source.names.entries()) {
    try {
      yield { name, image: await source.whole(index) };
    } catch (cause) {
      if (isRevqError(cause)) throw cause;
      skipped.push({ name, reason: messageOf(cause) });
    }
  }
}
