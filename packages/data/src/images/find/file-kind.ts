/** Kinds of files with images, by name or by content. */
import { isTarHeader } from "@revq/formats";
import { sniffFormat, tarHeaderLength } from "../sniff.js";

/**
 * `arrow`: a table of `datasets.save_to_disk`. `packed`: a compressed archive. `raw`: a camera's file, which may begin like a TIFF. `other-image`:
 * an image of a format that is not read.
 */
export type FileKind = "image" | "tar" | "parquet" | "arrow" | "packed" | "raw" | "other-image" | "other";

const extensions: readonly (readonly [FileKind, RegExp])[] = [
  ["image", /\.(jpe?g|jpe|jfif|png|webp|avif|gif|tiff?)$/i],
  ["tar", /\.tar$/i],
  ["parquet", /\.(parquet|pq)$/i],
  ["arrow", /\.(arrow|feather)$/i],
  ["packed", /\.(tar\.\w{1,4}|t[gx]z|tbz2?|tzst|zip|7z|rar)$/i],
  ["raw", /\.(dng|nef|nrw|cr[23w]|arw|srf|sr2|orf|rw2|raf|pef|srw|3fr|iiq)$/i],
  ["other-image", /\.(bmp|heic|heif|hif|jxl|jp2|svg|ppm|psd|ico)$/i],
];

/** By the extension; `other` for a name without a known one. */
export function kindByName(name: string): FileKind {
  return extensions.find(([, pattern]) => pattern.test(name))?.[0] ?? "other";
}

/** @param head the first `tarHeaderLength` bytes, or the whole file if it is shorter */
export function kindByContent(head: Uint8Array): FileKind {
  if ("format" in sniffFormat(head)) return "image";
  if (String.fromCharCode(...head.subarray(0, 4)) === "PAR1") return "parquet";
  if (head.length >= tarHeaderLength && isTarHeader(head)) return "tar";
  return compression(head) === null ? "other" : "packed";
}

/** The program that made these bytes; null for none that is known. */
export function compression(head: Uint8Array): string | null {
  const text = String.fromCharCode(...head.subarray(0, 6));
  if (text.startsWith("\x1f\x8b")) return "gzip";
  if (text.startsWith("\x28\xb5\x2f\xfd")) return "zstd";
  if (text.startsWith("\xfd7zXZ")) return "xz";
  if (text.startsWith("BZh")) return "bzip2";
  if (text.startsWith("PK\x03\x04")) return "zip";
  if (text.startsWith("7z\xbc\xaf")) return "7z";
  return text.startsWith("Rar!") ? "rar" : null;
}

export const arrowReason = "an Arrow file; write the data set with to_parquet";
export const packedReason = "a compressed archive; unpack it first";
