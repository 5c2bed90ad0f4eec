/** One header block of a tar archive: v7, POSIX ustar and GNU (GNU tar manual, "Basic Tar Format"). */
import { damagedTar } from "./damaged.js";
import { tarText, untilZero } from "./text.js";

export const tarBlock = 512;

export interface TarHeader {
  readonly name: string;
  /** The type flag, such as "0" for a regular file. */
  readonly type: string;
  /** As the header states it; a pax record may override it. */
  readonly size: number;
  /** Target of a link. */
  readonly link: string;
  /** True if blocks of sparse regions follow (GNU type "S"). */
  readonly extended: boolean;
}

/** @throws RevqError `tar-checksum`, `tar-size` */
export function readTarHeader(archive: string, header: Uint8Array, offset: number): TarHeader {
  if (!isTarHeader(header)) throw damagedTar("checksum", archive, `no tar header at byte ${offset}`);
  const type = String.fromCharCode(header[156]!);
  const ustar = String.fromCharCode(...header.subarray(257, 262)) === "ustar" && header[262] === 0;
  const name = untilZero(header.subarray(0, 100));
  const prefix = ustar ? untilZero(header.subarray(345, 500)) : new Uint8Array(0);
  return {
    name: tarText(prefix.length > 0 ? Uint8Array.of(...prefix, 0x2f, ...name) : name),
    type,
    size: parseNumber(archive, header.subarray(124, 136)),
    link: tarText(untilZero(header.subarray(157, 257))),
    extended: type === "S" && header[482] !== 0,
  };
}

/**
 * Compares the checksum: the sum of all bytes, with spaces in the checksum's own field. Some old
 * writers added signed bytes.
 */
export function isTarHeader(header: Uint8Array): boolean {
  let sum = 8 * 32;
  let signed = 8 * 32;
  for (let i = 0; i < tarBlock; i++) {
    if (i >= 148 && i < 156) continue;
    sum += header[i]!;
    signed += (header[i]! << 24) >> 24;
  }
  const digits = tarText(untilZero(header.subarray(148, 156))).trim();
  if (!/^[0-7]+$/.test(digits)) return false;
  const stated = parseInt(digits, 8);
  return stated === sum || stated === signed;
}

/**
 * Octal digits or, with the first bit set, a big-endian integer (GNU), for files of 8 GiB and more.
 */
function parseNumber(archive: string, field: Uint8Array): number {
  if (field[0]! & 0x80) {
    let value = field[0]! & 0x7f;
    for (let i = 1; i < field.length; i++) value = value * 256 + field[i]!;
    if (Number.isSafeInteger(value)) return value;
    throw damagedTar("size", archive, "a size beyond 2^53");
  }
  const digits = tarText(untilZero(field)).trim();
  if (/^[0-7]*$/.test(digits)) return digits === "" ? 0 : parseInt(digits, 8);
  throw damagedTar("size", archive, `a size "${digits}"`);
}
