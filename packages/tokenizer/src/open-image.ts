/** Opens image files in Node, with the codecs of `@revq/data`. */
import { isRevqError, RevqError, type RgbaImage } from "@revq/core";

/** The part of `@revq/data` that is used. */
interface ImageReader {
  openImages(
    paths: readonly string[],
    options: { readonly size: number },
  ): Promise<{ readonly count: number; whole(index: number): Promise<RgbaImage> }>;
}

/**
 * The image at its own size, turned as its EXIF data say, on white where it is transparent.
 *
 * @param spec a path, a URL, or another source of `@revq/data` that holds one image
 * @throws RevqError `image-reader-missing`, `image-several`, `image-unreadable` and the errors of finding images
 */
export async function openImage(spec: string | URL): Promise<RgbaImage> {
  const path = pathOf(spec);
  const images = await (await importReader(path)).openImages([path], { size: 1 });
  if (images.count !== 1) {
    throw new RevqError("image-several", `${path} holds ${images.count} images; one was expected.`, {
      fix: "Name a file. `revq encode` and `revq tokenize` take folders and archives.",
    });
  }
  try {
    return await images.whole(0);
  } catch (cause) {
    // The reader's error names the file, too: its cause is the reason.
    const inner = isRevqError(cause) ? (cause.cause ?? cause) : cause;
    const reason = (inner instanceof Error ? inner.message : String(inner)).replace(/\.$/, "");
    throw new RevqError("image-unreadable", `${path} cannot be read: ${reason}.`, {
      fix: "Check that the file is a complete image.",
      cause,
    });
  }
}

async function importReader(path: string): Promise<ImageReader> {
  const name = "@revq/data"; // an optional peer: a variable keeps bundlers from resolving it
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as ImageReader;
  } catch (cause) {
    throw new RevqError("image-reader-missing", `${path} cannot be opened: @revq/data is not here to read images.`, {
      fix: "In Node, install @revq/data. In a browser give the pixels, such as ImageData: { width, height, data }.",
      cause,
    });
  }
}

/** A `file:` URL as a path; everything else as it is. */
function pathOf(spec: string | URL): string {
  const text = String(spec);
  if (!/^file:/i.test(text)) return text;
  const path = decodeURIComponent(new URL(text).pathname);
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path; // drives of Windows
}
