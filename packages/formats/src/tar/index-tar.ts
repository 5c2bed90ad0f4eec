/**
 * Lists the files of a tar archive from its headers: v7, POSIX ustar, GNU long names and pax headers
 * (IEEE 1003.1, "pax interchange format"; GNU tar manual, "Basic Tar Format"). Nothing is
 * extracted.
 */
import type { ByteSource, RevqError } from "@revq/core";
import { damagedTar } from "./damaged.js";
import { isTarHeader, readTarHeader, tarBlock as block, type TarHeader } from "./header.js";
import { paxRecords, type PaxRecords } from "./pax.js";
import { relativeName, tarText, untilZero } from "./text.js";
import { windowed, type ReadBytes } from "./window.js";

export interface TarMember {
  /** Without a leading "./" or "/". Bytes that are not UTF-8 are written `\xE9`. */
  readonly name: string;
  /** First byte of its content in the file. */
  readonly offset: number;
  readonly size: number;
  /** The first bytes of the content, 32 at most. */
  readonly head: Uint8Array;
  /** 0 for the first archive; more if several archives were written one after the other. */
  readonly archive: number;
}

export interface TarListener {
  /** A member that is not listed. `what` it is, such as "a symbolic link to a.png". */
  leftOut?(name: string, what: string): void;
  /** A fact about the whole file, as a sentence without its name. */
  note?(line: string): void;
  /** The file ends too early; its whole members have been listed. Default: the error is thrown. */
  cut?(error: RevqError): void;
}

/** Longer names are refused: they would fill the memory. */
const maxNameLength = 1 << 20;
/** The same for pax headers; extended attributes are in them. */
const maxPaxLength = 1 << 26;
const headLength = 32;
const nothing = new Uint8Array(0);
/** Types without content, whatever size the header states: links, devices, folders, pipes. */
const otherTypes: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "5": "a folder",
  "6": "a pipe",
};

/**
 * Regular files and hard links to them, in order; of one name there may be several. Archives that
 * were written one after the other are read to the last.
 * @throws RevqError `tar-*`
 */
export async function* indexTar(source: ByteSource, listener: TarListener = {}): AsyncGenerator<TarMember> {
  const read = windowed(source);
  const cut = listener.cut?.bind(listener) ?? fail;
  const files = new Map<string, TarMember>();
  let global: PaxRecords = {};
  let local: PaxRecords = {};
  let archive = 0;
  let offset = 0;
  for (;;) {
    if (offset + block > source.size) {
      return cut(damagedTar("truncated", source.name, `it has no end mark after its ${source.size} bytes`));
    }
    const bytes = await read(offset, block);
    if (isZero(bytes)) {
      const next = await firstContent(read, offset + block, source.size);
      if (next === null) return;
      if (!(await isHeaderAt(read, next, source.size))) {
        listener.note?.(`Bytes follow the end mark, from byte ${next} on. They are no tar archive and were not read.`);
        return;
      }
      if (archive++ === 0) listener.note?.("It holds several archives one after the other. All of them are read.");
      [global, local, offset] = [{}, {}, next];
      continue;
    }
    const header = readTarHeader(source.name, bytes, offset);
    const { type } = header;
    let start = offset + block;
    if (type === "L" || type === "K" || type === "x" || type === "X" || type === "g") {
      if (start + header.size > source.size) return cut(cutInside(source, "a long name or pax header", offset));
      const limit = type === "L" || type === "K" ? maxNameLength : maxPaxLength;
      if (header.size > limit) {
        throw damagedTar("name-too-long", source.name, `a name or header of ${header.size} bytes`);
      }
      const content = await read(start, header.size);
      if (type === "L") local = { ...local, name: tarText(untilZero(content)) };
      else if (type === "K") local = { ...local, link: tarText(untilZero(content)) };
      else if (type === "g") global = { ...global, ...paxRecords(source.name, content) };
      else local = { ...local, ...paxRecords(source.name, content) };
      offset = start + blocks(header.size);
      continue;
    }
    const records = { ...global, ...local };
    local = {};
    const name = relativeName(records.name ?? header.name);
    for (let more = header.extended; more; start += block) {
      if (start + block > source.size) return cut(cutInside(source, "a sparse file's list of regions", offset));
      more = (await read(start, block))[504] !== 0;
    }
    const stated = records.size ?? header.size;
    const size = otherTypes[type] && !(await hasContent(type, read, start, stated, source.size)) ? 0 : stated;
    if (start + size > source.size) {
      listener.leftOut?.(name, "cut off: the archive ends inside it");
      return cut(cutInside(source, "the file", offset));
    }
    const what = records.sparse ? "a sparse file" : whatItIs(header, name);
    const head = what === null || type === "1" ? (await read(start, Math.min(headLength, size))).slice() : nothing;
    const target = files.get(relativeName(records.link ?? header.link));
    const file =
      what === null || (type === "1" && size > 0)
        ? { name, offset: start, size, head, archive }
        : type === "1" && target
          ? { ...target, name, archive }
          : null;
    if (file) {
      files.set(name, file);
      yield file;
    } else {
      const link = type === "1" || type === "2" ? ` to ${records.link ?? header.link}` : "";
      const absent = type === "1" ? ", which is not in the archive before it" : "";
      listener.leftOut?.(name, `${what}${link}${absent}`);
    }
    offset = start + blocks(size);
  }
}

/** Null for a regular file: type "0", "\0" and "7", and by POSIX every type that nobody defined. */
function whatItIs({ type }: TarHeader, name: string): string | null {
  if (otherTypes[type]) return otherTypes[type];
  if (type === "S") return "a sparse file";
  if (/^[A-Z]$/.test(type)) return `a member of type ${type}`;
  return name.endsWith("/") || name === "" ? "a folder" : null;
}

/** Hard links of pax archives may bring their content. Other writers state a size without content. */
async function hasContent(type: string, read: ReadBytes, start: number, size: number, end: number): Promise<boolean> {
  if (type !== "1" || size === 0 || start + blocks(size) > end) return false;
  const next = await read(start, block);
  return !isZero(next) && !isTarHeader(next);
}

async function isHeaderAt(read: ReadBytes, offset: number, end: number): Promise<boolean> {
  return offset + block <= end && isTarHeader(await read(offset, block));
}

/** The first block from `offset` on that is not all zeros; null when there is none. */
async function firstContent(read: ReadBytes, offset: number, end: number): Promise<number | null> {
  for (let at = offset; at < end; at += block) {
    if (!isZero(await read(at, Math.min(block, end - at)))) return at;
  }
  return null;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function blocks(size: number): number {
  return Math.ceil(size / block) * block;
}

function cutInside({ name, size }: ByteSource, what: string, offset: number): RevqError {
  return damagedTar("truncated", name, `${what} at byte ${offset} ends beyond the archive's ${size} bytes`);
}

function fail(error: RevqError): never {
  throw error;
}
