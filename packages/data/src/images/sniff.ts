/**
 * Recognizes image files by their first bytes (signatures of the jpeg, png and webp
 * specifications).
 */

export type ImageFormat = "jpeg" | "png" | "webp";

/** Number of leading bytes that `sniffFormat` needs. */
export const signatureLength = 16;
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
  return { looksLike: describe(head, text) };
}

function describe(head: Uint8Array, text: string): string {
  if (head.length === 0) return "an empty file";
  if (text.startsWith("GIF8")) return "a GIF";
  if (text.startsWith("BM")) return "a BMP";
  if (text.startsWith("II*\0") || text.startsWith("MM\0*")) return "a TIFF";
  if (text.slice(4, 8) === "ftyp") return text.slice(8, 11) === "avi" ? "an AVIF" : "a HEIF or video file";
  if (text.startsWith("\xff\x0a") || text.startsWith("\0\0\0\x0cJXL")) return "a JPEG XL";
  if (/^\s*<(\?xml|svg|!doctype|html)/i.test(text)) return "an SVG or HTML file";
  if (text.startsWith("version https://")) return "a pointer of Git LFS (`git lfs pull` gets the file)";
  if (head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte !== 127))) return "text";
  return "something else";
}

/** Why a file is not read. */
export function otherImage(looksLike: string): string {
  return `not a jpeg, png or webp image: it looks like ${looksLike}`;
}
