/**
 * What files begin with that are not images we read: the signatures of the formats' specifications.
 * TGA has none in front; its header is a weak sign, so it counts where the name says so.
 */
import { isTarHeader } from "@revq/formats";

/** Bytes that `isTarHeader` needs. */
export const tarHeaderLength = 512;

export interface Signature {
  /** With its article: "a BMP". */
  readonly what: string;
  /** `image`: of a format that is not read. `archive`: read under a name of its own, or when unpacked. */
  readonly kind: "image" | "archive" | "other";
  /** What to do with such a file among images; default: by its kind. */
  readonly advice?: string;
}

interface KnownSignature extends Signature {
  /** @param text the first bytes, one character each */
  matches(text: string, head: Uint8Array): boolean;
}

function begins(kind: Signature["kind"], what: string, pattern: RegExp, advice?: string): KnownSignature {
  return { kind, what, matches: (text) => pattern.test(text), ...(advice === undefined ? {} : { advice }) };
}

const unpack = "unpack it first";
const isoMedia = /^[^]{4}ftyp/;

const signatures: readonly KnownSignature[] = [
  // The size of the second header distinguishes a bitmap from text that begins with BM.
  begins("image", "a BMP", /^BM[^]{4}\0{4}[^]{4}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0/),
  begins("image", "a camera's raw file", /^II\*\0/),
  begins("image", "a HEIC", /^[^]{4}ftyp(hei|hev|mif|msf)/),
  begins("image", "a raw file of a camera", /^[^]{4}ftypcrx/),
  begins("image", "a JPEG XL", /^(\xff\x0a|\0\0\0\x0cJXL )/),
  begins("image", "a JPEG 2000", /^(\0\0\0\x0cjP {2}\r\n|\xff\x4f\xff\x51)/),
  begins("image", "a PPM", /^P[1-6](\s|#[^\n]*\n)+\d/),
  begins("image", "a PAM", /^P7\n/),
  begins("image", "a PFM", /^P[Ff]\s+\d/),
  begins("image", "an ICO", /^\0\0[\x01\x02]\0[^\0]\0[^]{3}\0/),
  begins("image", "a PSD", /^8BPS\0[\x01\x02]/),
  begins("image", "an OpenEXR", /^\x76\x2f\x31\x01/),
  begins("image", "a Radiance HDR", /^#\?(RADIANCE|RGBE)/),
  begins("image", "a DDS", /^DDS \x7c/),
  begins("image", "a QOI", /^qoif/),
  begins("image", "a PCX", /^\x0a[\0-\x05]\x01[\x01\x02\x04\x08]/),
  begins("image", "a FITS", /^SIMPLE {2}=/),
  begins("image", "a GIMP image", /^gimp xcf/),
  begins("image", "a JPEG XR", /^II\xbc/),
  begins("image", "a DjVu", /^AT&TFORM/),
  begins("image", "a BPG", /^BPG\xfb/),
  begins("image", "a FLIF", /^FLIF/),
  begins("image", "an SVG", /^\s*(<\?xml[^>]*>\s*)?<svg/i),
  begins("archive", "a Parquet file", /^PAR1/, "rename it to .parquet"),
  begins(
    "archive",
    "an Arrow file",
    /^(ARROW1|\xff\xff\xff\xff[^]{4}\x10\0\0\0)/,
    "write the data set with to_parquet",
  ),
  begins("archive", "a compressed file (gzip)", /^\x1f\x8b/, unpack),
  begins("archive", "a compressed file (zstd)", /^\x28\xb5\x2f\xfd/, unpack),
  begins("archive", "a compressed file (xz)", /^\xfd7zXZ/, unpack),
  begins("archive", "a compressed file (bzip2)", /^BZh/, unpack),
  begins("archive", "a compressed archive (zip)", /^PK\x03\x04/, unpack),
  begins("archive", "a compressed archive (7z)", /^7z\xbc\xaf/, unpack),
  begins("archive", "a compressed archive (rar)", /^Rar!/, unpack),
  {
    kind: "archive",
    what: "a tar archive",
    advice: "rename it to .tar",
    matches: (_, head) => head.length >= tarHeaderLength && isTarHeader(head),
  },
  begins("other", "a video file", isoMedia),
  begins("other", "a video file", /^(\x1a\x45\xdf\xa3|RIFF[^]{4}AVI |\0\0\x01[\xb3\xba]|OggS|FLV)/),
  begins("other", "a PDF", /^%PDF/),
  begins("other", "a NumPy file", /^\x93NUMPY/),
  begins("other", "an HDF5 file", /^\x89HDF/),
  begins("other", "an SVG or HTML file", /^\s*<(\?xml|svg|!doctype|html)/i),
  begins("other", "a pointer of Git LFS", /^version https:\/\/git-lfs/, "`git lfs pull` gets the file"),
];

/** Null for content that is not known. @param head the first bytes, `tarHeaderLength` of them for all kinds */
export function signatureOf(head: Uint8Array): Signature | null {
  if (head.length === 0) return { kind: "other", what: "an empty file", advice: "get the file again" };
  const text = String.fromCharCode(...head.subarray(0, 64));
  const known = signatures.find((signature) => signature.matches(text, head));
  if (known) return known;
  if (head.every((byte) => byte === 0)) return { kind: "other", what: "a file of zeros", advice: "get the file again" };
  return isText(head) ? { kind: "other", what: "text" } : null;
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte !== 127));
}

/** Image formats whose files say nothing of it in front, by their extension. */
const byName: readonly (readonly [RegExp, string])[] = [
  [/\.(bmp|dib)$/i, "a BMP"],
  [/\.(tga|icb|vda|vst)$/i, "a TGA"],
  [/\.(dcm|dicom)$/i, "a DICOM"],
  [/\.(sgi|rgba?|bw)$/i, "an SGI image"],
  [/\.(ras|sun)$/i, "a Sun raster"],
  [/\.(wbmp|xbm|xpm|pcx|pict?|wmf|emf|eps|xcf|kra)$/i, "an image"],
];

/** For content that is not known: what the name says; null if it says nothing. */
export function imageByName(name: string): Signature | null {
  const found = byName.find(([pattern]) => pattern.test(name));
  const format = /\.(\w+)$/.exec(name)?.[1]?.toUpperCase();
  return found
    ? { kind: "image", what: found[1] === "an image" ? `an image of the format ${format}` : found[1] }
    : null;
}
