/**
 * Reads the directory at the end of a zip archive, with ZIP64 for checkpoints above 4 GB. Entries
 * must be stored uncompressed, as torch.save stores them. Nothing is extracted. Format: PKWARE
 * APPNOTE 4.3.
 */
import { RevqError, type ByteSource } from "@revq/core";

export interface ZipEntry {
  /** Size of the content in bytes. */
  readonly size: number;
  /**
   * Start of the content in the archive, from the entry's own header. Throws for compressed and
   * encrypted entries.
   */
  offset(): Promise<number>;
}

const endSignature = 0x06054b50;
const end64LocatorSignature = 0x07064b50;
const end64Signature = 0x06064b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const maxComment = 65535;
const maxDirectoryBytes = 64 * 1024 * 1024;

function fail(name: string, what: string): never {
  throw new RevqError("pth-zip", `${name}: ${what}`, { fix: "The file is damaged or truncated. Get it again." });
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Entries by name. Throws `pth-zip` unless the archive is complete. */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { name, size } = source;
  const { directoryOffset, directorySize, count } = await findDirectory(source);
  if (directorySize > maxDirectoryBytes)
    fail(name, `its directory has ${directorySize} bytes; the limit is ${maxDirectoryBytes}.`);
  if (directoryOffset + directorySize > size) fail(name, "its directory lies outside the file.");
  const directory = await source.read(directoryOffset, directorySize);
  const data = view(directory);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  while (at + 46 <= directory.length && data.getUint32(at, true) === entrySignature) {
    const nameLength = data.getUint16(at + 28, true);
    const extraLength = data.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + data.getUint16(at + 32, true);
    if (next > directory.length) fail(name, "its directory ends inside an entry.");
    const entryName = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameLength));
    const method = data.getUint16(at + 10, true);
    const encrypted = (data.getUint16(at + 8, true) & 1) === 1;
    if (entries.has(entryName)) fail(name, `it has the entry "${entryName}" twice.`);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const fields = {
      compressed: data.getUint32(at + 20, true),
      size: data.getUint32(at + 24, true),
      offset: data.getUint32(at + 42, true),
    };
    const { size: contentSize, offset } = withZip64(fields, extra);
    if (offset + 30 + contentSize > size) fail(name, `its entry "${entryName}" reaches beyond the end of the file.`);
    entries.set(entryName, {
      size: contentSize,
      async offset() {
        if (encrypted) fail(name, `its entry "${entryName}" is encrypted.`);
        if (method !== 0)
          fail(name, `its entry "${entryName}" is compressed (method ${method}); torch.save does not compress.`);
        return contentOffset(source, entryName, offset, contentSize);
      },
    });
    at = next;
  }
  if (entries.size !== count) fail(name, `its directory announces ${count} entries and has ${entries.size}.`);
  return entries;
}

async function findDirectory(
  source: ByteSource,
): Promise<{ directoryOffset: number; directorySize: number; count: number }> {
  const { name, size } = source;
  const tailLength = Math.min(size, endBytes + maxComment);
  const tail = view(await source.read(size - tailLength, tailLength));
  for (let at = tailLength - endBytes; at >= 0; at--) {
    if (tail.getUint32(at, true) !== endSignature || at + endBytes + tail.getUint16(at + 20, true) !== tailLength)
      continue;
    const end = size - tailLength + at;
    const locator = end >= 20 ? view(await source.read(end - 20, 20)) : undefined;
    if (locator?.getUint32(0, true) === end64LocatorSignature) {
      const offset64 = number64(locator, 8);
      if (offset64 + 56 > size) fail(name, "its ZIP64 directory lies outside the file.");
      const end64 = view(await source.read(offset64, 56));
      if (end64.getUint32(0, true) !== end64Signature) fail(name, "its ZIP64 directory is damaged.");
      return { count: number64(end64, 32), directorySize: number64(end64, 40), directoryOffset: number64(end64, 48) };
    }
    return {
      count: tail.getUint16(at + 10, true),
      directorySize: tail.getUint32(at + 12, true),
      directoryOffset: tail.getUint32(at + 16, true),
    };
  }
  return fail(name, "the end of a zip archive is missing: the file is truncated.");
}

/** Fields with the value 0xffffffff are in the ZIP64 extra field, in this order. */
function withZip64<T extends { compressed: number; size: number; offset: number }>(fields: T, extra: Uint8Array): T {
  const data = view(extra);
  const result = { ...fields };
  for (let at = 0; at + 4 <= extra.length; at += 4 + data.getUint16(at + 2, true)) {
    if (data.getUint16(at, true) !== 1) continue;
    let value = at + 4;
    for (const key of ["size", "compressed", "offset"] as const) {
      if (fields[key] !== 0xffffffff || value + 8 > extra.length) continue;
      result[key] = number64(data, value);
      value += 8;
    }
    break;
  }
  return result;
}

async function contentOffset(
  source: ByteSource,
  entryName: string,
  offset: number,
  contentSize: number,
): Promise<number> {
  const header = view(await source.read(offset, 30));
  if (header.getUint32(0, true) !== localSignature)
    fail(source.name, `its entry "${entryName}" does not begin at the offset in the directory.`);
  const content = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (content + contentSize > source.size)
    fail(source.name, `its entry "${entryName}" reaches beyond the end of the file.`);
  return content;
}

/** Not exact above 2^53, but then larger than any file. */
function number64(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}
