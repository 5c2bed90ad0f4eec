/**
 * Lists the files of a tar archive from its headers: POSIX ustar, GNU long names and pax headers
 * (IEEE 1003.1, "pax interchange format"; GNU tar manual, "Basic Tar Format"). Nothing is
 * extracted.
 */
import { RevqError, type ByteSource } from "@revq/core";

export interface TarMember {
  readonly name: string;
  /** First byte of its content in the archive. */
  readonly offset: number;
  readonly size: number;
}

const block = 512;
/** Longer names and pax headers are refused: they would fill the memory. */
const maxNameLength = 1 << 20;
/** Bytes read at once: small files are close together. */
const windowSize = 1 << 16;

/**
 * Regular files, in order. Links, folders and devices are left out.
 * @throws RevqError `tar-*`
 */
export async function* indexTar(source: ByteSource): AsyncGenerator<TarMember> {
  const read = windowed(source);
  let override: { name?: string; size?: number } = {};
  let offset = 0;
  while (offset + block <= source.size) {
    const header = await read(offset, block);
    if (header.every((byte) => byte === 0)) return; // the end
    verifyChecksum(source.name, header, offset);
    const stated = parseNumber(source.name, header, 124, 12);
    const type = String.fromCharCode(header[156]!);
    const size = isContent(type) ? (override.size ?? stated) : stated;
    const start = offset + block;
    if (start + size > source.size) {
      throw damaged(
        "truncated",
        source.name,
        `the file at byte ${offset} ends beyond the archive's ${source.size} bytes`,
      );
    }
    if (type === "L" || type === "x") {
      if (size > maxNameLength) throw damaged("name-too-long", source.name, `a name or header of ${size} bytes`);
      const text = new TextDecoder().decode(await read(start, size));
      if (type === "L") override = { ...override, name: text.replace(/\0.*$/s, "") };
      else override = { ...override, ...paxRecords(source.name, text) };
    } else if (type !== "g") {
      if (isContent(type)) yield { name: override.name ?? fullName(header), offset: start, size };
      override = {};
    }
    offset = start + Math.ceil(size / block) * block;
  }
  throw damaged("truncated", source.name, `it has no end mark after its ${source.size} bytes`);
}

/** True for the types of a regular file: "0", and those of older archives. */
function isContent(type: string): boolean {
  return type === "0" || type === "\0" || type === "7";
}

function fullName(header: Uint8Array): string {
  const ustar = text(header, 257, 5) === "ustar";
  const prefix = ustar && header[262] === 0 ? text(header, 345, 155) : "";
  return prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100);
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/**
 * Octal digits or, with the first bit set, a big-endian integer (GNU), for files of 8 GiB and more.
 */
function parseNumber(name: string, header: Uint8Array, start: number, length: number): number {
  if (header[start]! & 0x80) {
    let value = header[start]! & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[start + i]!;
    if (Number.isSafeInteger(value)) return value;
    throw damaged("size", name, "a size beyond 2^53");
  }
  const digits = text(header, start, length).trim();
  if (/^[0-7]*$/.test(digits)) return digits === "" ? 0 : parseInt(digits, 8);
  throw damaged("size", name, `a size "${digits.slice(0, 12)}"`);
}

/** Compares the checksum: the sum of all bytes, with spaces in the checksum's own field. */
function verifyChecksum(name: string, header: Uint8Array, offset: number): void {
  let sum = 8 * 32;
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i]!;
  const digits = text(header, 148, 8).trim();
  if (/^[0-7]+$/.test(digits) && parseInt(digits, 8) === sum) return;
  throw damaged("checksum", name, `no tar header at byte ${offset}`);
}

/** Lines "<length> <key>=<value>\n". */
function paxRecords(name: string, records: string): { name?: string; size?: number } {
  const bytes = new TextEncoder().encode(records);
  const found: { name?: string; size?: number } = {};
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const [, length, key, value] = /^(\d+) ([^=]+)=(.*)$/s.exec(lineAt(bytes, at)) ?? [];
    if (length === undefined || Number(length) <= 0 || at + Number(length) > bytes.length) {
      throw damaged("pax", name, "a malformed pax header");
    }
    if (key === "path") found.name = value!;
    if (key === "size" && /^\d{1,15}$/.test(value!)) found.size = Number(value);
    at += Number(length);
  }
  return found;
}

/** The record at `at`, without its line end. It begins with its length. */
function lineAt(bytes: Uint8Array, at: number): string {
  const length = /^\d{1,7}/.exec(new TextDecoder().decode(bytes.subarray(at, at + 8)))?.[0];
  if (length === undefined) return "";
  return new TextDecoder().decode(bytes.subarray(at, at + Number(length) - 1));
}

function windowed(source: ByteSource): (offset: number, length: number) => Promise<Uint8Array> {
  let start = 0;
  let bytes = new Uint8Array(0);
  return async (offset, length) => {
    if (offset < start || offset + length > start + bytes.length) {
      start = offset;
      bytes = new Uint8Array(await source.read(offset, Math.min(Math.max(length, windowSize), source.size - offset)));
    }
    return bytes.subarray(offset - start, offset - start + length);
  };
}

function damaged(code: string, name: string, what: string): RevqError {
  return new RevqError(`tar-${code}`, `${name} is not a complete tar archive: ${what}.`, {
    fix: "Get the file again from its source. Unpack compressed archives (.tar.gz) first.",
  });
}
