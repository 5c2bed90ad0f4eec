/** Recognizes image files by their first bytes: the signatures of the formats' specifications. */

export type ImageFormat = "jpeg" | "png" | "webp" | "avif" | "gif" | "tiff";

/** The formats that are read, for messages. */
export const imageFormats = "jpeg, png, webp, avif, gif or tiff";

/** Number of leading bytes that `sniffFormat` needs. */
export const signatureLength = 32;
/** The same for a tar archive. */
export const tarHeaderLength = 512;

/**
 * The format of a file with these first bytes, or, for a message, what the file looks like instead.
 */
export function sniffFormat(head: Uint8Array): { readonly format: ImageFormat } | { readonly looksLike: string } {
  const text = String.fromCharCode(...head.subarray(0, signatureLength));
  if (text.startsWith("\xff\xd8\xff")) return { format: "jpeg" };
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return { format: "png" };
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return { format: "webp" };
  if (/^GIF8[79]a/.test(text)) return { format: "gif" };
  if (isTiff(text)) return { format: "tiff" };
  if (text.slice(4, 8) === "ftyp" && brands(text).some((brand) => /^avi[fs]$/.test(brand))) return { format: "avif" };
  return { looksLike: describe(head, text) };
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

function describe(head: Uint8Array, text: string): string {
  if (head.length === 0) return "an empty file";
  if (text.startsWith("BM")) return "a BMP";
  if (text.startsWith("II*\0")) return "a camera's raw file";
  if (text.slice(4, 8) === "ftyp") return /^(hei|hev|mif|msf)/.test(text.slice(8, 12)) ? "a HEIC" : "a video file";
  if (text.startsWith("\xff\x0a") || text.startsWith("\0\0\0\x0cJXL")) return "a JPEG XL";
  if (/^\s*<(\?xml|svg|!doctype|html)/i.test(text)) return "an SVG or HTML file";
  if (text.startsWith("version https://")) return "a pointer of Git LFS (`git lfs pull` gets the file)";
  if (head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte !== 127))) return "text";
  return "something else";
}

/** Why a file is not read, and what to do with images of other formats. */
export function otherImage(looksLike: string): string {
  const advice = /BMP|HEIC|JPEG XL|raw file|SVG/.test(looksLike) ? "; convert it to png or jpeg" : "";
  return `not a ${imageFormats} image: it looks like ${looksLike}${advice}`;
}

/** Why a raw file of a camera is not read: inside, there is only a small preview in a known format. */
export const rawReason = "a camera's raw file; convert it to png, jpeg or tiff";
