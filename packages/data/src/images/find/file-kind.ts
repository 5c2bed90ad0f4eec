/** Kinds of files with images, by name or by content. */
import { imageByName, signatureOf } from "../signatures.js";
import { imageFormat, otherImage, rawReason, whatItIs } from "../sniff.js";

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
  [
    "other-image",
    /\.(bmp|dib|heic|heif|hif|jxl|jp2|j2[kc]|jp[xmf]|jxr|svgz?|p[pgbnaf]m|ps[db]|ico|cur|exr|hdr|dds|qoi)$/i,
  ],
];

/** Content of these is told from what people keep beside images, such as `labels.json.gz`. */
const noExtension = /(^|\/)[^.]+$/;

/** By the extension; `other` for a name without a known one. */
export function kindByName(name: string): FileKind {
  const known = extensions.find(([, pattern]) => pattern.test(name))?.[0];
  return known ?? (imageByName(name) ? "other-image" : "other");
}

/**
 * By the content where the name says nothing certain: the extension of an image that is not read, or
 * none that is known.
 * @param head the first `tarHeaderLength` bytes, or the whole file if it is shorter
 */
export function kindOf(name: string, head: Uint8Array): FileKind {
  const named = kindByName(name);
  if (named !== "other" && named !== "other-image") return named;
  if (imageFormat(head)) return "image";
  const found = signatureOf(head);
  if (found?.what === "a tar archive") return "tar";
  if (found?.what === "a Parquet file") return "parquet";
  if (found?.what === "an Arrow file") return "arrow";
  if (found?.kind === "image") return "other-image";
  if (found?.kind === "archive" && noExtension.test(name)) return "packed";
  return named;
}

/** The program that made these bytes; null if they are not compressed. */
export function compression(head: Uint8Array): string | null {
  return /^a compressed \w+ \((\w+)\)$/.exec(signatureOf(head)?.what ?? "")?.[1] ?? null;
}

export const arrowReason = "an Arrow file; write the data set with to_parquet";

/** What to do with a folder of `datasets.save_to_disk`. Each split of a DatasetDict is such a folder of its own. */
export const arrowFix =
  "In Python, for each folder with a state.json (of a DatasetDict, each split): " +
  'datasets.load_from_disk(FOLDER).to_parquet("images.parquet"). Then name those files.';
const packedReason = "a compressed archive; unpack it first";

/** Why a file of this kind holds no image that is read. */
export function reasonOf(kind: FileKind, head: Uint8Array, name: string): string {
  if (kind === "packed") return packedReason;
  if (kind === "raw") return rawReason;
  if (kind === "arrow") return arrowReason;
  return otherImage(whatItIs(head, name));
}

/**
 * Names that begin with a dot and what macOS adds to archives. A path is hidden if a part of it is.
 * @returns the path up to the first hidden part; null for a path without one
 */
export function hiddenPart(path: string): string | null {
  return /^(?:[^/]+\/)*?(?:\.(?!\.?(?:\/|$))[^/]*|__MACOSX)(?=\/|$)/.exec(path)?.[0] ?? null;
}
