/** Recognizes the image formats that are read, and says what other files are. */
import { imageByName, signatureOf, type Signature } from "./signatures.js";

export type ImageFormat = "jpeg" | "png" | "webp" | "avif" | "gif" | "tiff";

/** The formats that are read, for messages. */
export const imageFormats = "jpeg, png, webp, avif, gif or tiff";

/** Number of leading bytes that tell the formats that are read. */
export const signatureLength = 32;

/** The format of a file with these first bytes; null if it is none that is read. */
export function imageFormat(head: Uint8Array): ImageFormat | null {
  const text = String.fromCharCode(...head.subarray(0, signatureLength));
  if (text.startsWith("\xff\xd8\xff")) return "jpeg";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "webp";
  if (/^GIF8[79]a/.test(text)) return "gif";
  if (isTiff(text)) return "tiff";
  if (text.slice(4, 8) === "ftyp" && brands(text).some((brand) => /^avi[fs]$/.test(brand))) return "avif";
  return null;
}

/** TIFF 6.0 and BigTIFF. Canon's raw files begin like a TIFF, with their own mark after it. */
function isTiff(text: string): boolean {
  return /^(II[*+]\0|MM\0[*+])/.test(text) && text.slice(8, 10) !== "CR";
}

/** The major brand of an ISO media file and the compatible ones that the bytes show (ISO 14496-12, 4.3). */
function brands(text: string): string[] {
  const end = Math.min(text.length, text.charCodeAt(2) * 256 + text.charCodeAt(3));
  const compatible = text.slice(16, end).match(/.{4}/gs) ?? [];
  return [text.slice(8, 12), ...compatible];
}

/** What a file without a readable image is: by its content, else by its name. */
export function whatItIs(head: Uint8Array, name = ""): Signature {
  return signatureOf(head) ?? imageByName(name) ?? { kind: "other", what: "something else" };
}

/** Why a file is not read, and what to do. */
export function otherImage({ what, kind, advice }: Signature): string {
  const todo = advice ?? (kind === "image" ? "convert it to png or jpeg" : null);
  return `not a ${imageFormats} image: it looks like ${what}${todo === null ? "" : `; ${todo}`}`;
}

/** Why a raw file of a camera is not read: inside, there is only a small preview in a known format. */
export const rawReason = "a camera's raw file; convert it to png, jpeg or tiff";
