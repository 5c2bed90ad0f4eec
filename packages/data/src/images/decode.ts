/**
 * Decodes jpeg, png, webp, avif, gif and tiff to 8-bit sRGB with sharp's codecs (libvips). Embedded RGB colour
 * profiles are not applied, as in Pillow and torchvision, so that an image gives the same pixels in
 * every pipeline. A CMYK image is converted by its own profile, or by a standard one.
 */
import { RevqError } from "@revq/core";
import type { SharpConstructor } from "sharp";
import type { RgbImage } from "../pixels/resize.js";
import { imageFormat, otherImage, whatItIs } from "./sniff.js";

/** Images of more pixels are refused: they may be decompression bombs. */
export const defaultPixelLimit = 100_000_000;

/** Values of other kinds have no known black and white, such as heights in a TIFF. */
const readDepths: readonly (string | undefined)[] = ["uchar", "ushort"];

/**
 * The first frame or page of the image, rotated by its EXIF orientation, with alpha flattened on white;
 * grey, CMYK and 16 bits are converted. Throws an `Error` whose message says what is wrong with the
 * bytes.
 * @param name of the file, for the message
 */
export async function decodeImage(bytes: Uint8Array, pixelLimit = defaultPixelLimit, name?: string): Promise<RgbImage> {
  const format = imageFormat(bytes);
  if (format === null) throw new Error(otherImage(whatItIs(bytes, name)));
  const sharp = await loadSharp();
  // `failOn: "error"` rejects truncated files, but reads files with stray bytes, as ImageNet has.
  // Our own limit follows.
  const options = { failOn: "error", limitInputPixels: false, unlimited: false, autoOrient: true } as const;
  const { width, height, space, depth } = await sharp(bytes, options).metadata().catch(damaged(format));
  if (width * height > pixelLimit) {
    const limit = `${pixelLimit / 1e6} megapixels; a higher limit reads it`;
    throw new Error(`${width} x ${height} pixels are more than the limit of ${limit}`);
  }
  if (!readDepths.includes(depth)) throw new Error(`its values are ${depth}; 8 or 16 bits were expected`);
  const { data, info } = await sharp(bytes, { ...options, ignoreIcc: space !== "cmyk" })
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch(damaged(format));
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels instead of 3`);
  return { width: info.width, height: info.height, data };
}

/**
 * libvips keeps the messages of all threads in one buffer, so a message may belong to another
 * image. None is shown.
 */
function damaged(format: string): (cause: unknown) => never {
  return (cause) => {
    throw new Error(`the ${format} is damaged or cut off`, { cause });
  };
}

export async function loadSharp(): Promise<SharpConstructor> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new RevqError("sharp-missing", "The image codecs (npm package sharp) could not be loaded.", {
      fix: "Run `npm install --include=optional sharp`: its binaries are optional dependencies.",
      cause,
    });
  }
}
