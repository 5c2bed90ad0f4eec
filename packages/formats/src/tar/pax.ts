/**
 * Records of a pax header (IEEE 1003.1, "pax interchange format"): "<length> <key>=<value>\n". Values
 * may be any bytes. Only names and sizes are decoded.
 */
import { damagedTar } from "./damaged.js";
import { tarText } from "./text.js";

export interface PaxRecords {
  readonly name?: string;
  readonly link?: string;
  readonly size?: number;
  /** The content is a list of regions (records `GNU.sparse.*`). */
  readonly sparse?: true;
}

const newline = 0x0a;
const space = 0x20;
const equals = 0x3d;

/** @throws RevqError `tar-pax` */
export function paxRecords(archive: string, bytes: Uint8Array): PaxRecords {
  const found: { -readonly [K in keyof PaxRecords]: PaxRecords[K] } = {};
  let sparseName: string | undefined;
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const gap = bytes.indexOf(space, at);
    const digits = gap < 0 || gap - at > 9 ? "" : tarText(bytes.subarray(at, gap));
    const end = at + Number(digits);
    const sign = bytes.indexOf(equals, gap);
    if (!/^\d+$/.test(digits) || end > bytes.length || bytes[end - 1] !== newline || sign < 0 || sign >= end) {
      throw damagedTar("pax", archive, "a malformed pax header");
    }
    const key = tarText(bytes.subarray(gap + 1, sign));
    const value = bytes.subarray(sign + 1, end - 1);
    if (key === "path") found.name = tarText(value);
    if (key === "linkpath") found.link = tarText(value);
    if (key === "size" && /^\d{1,15}$/.test(tarText(value))) found.size = Number(tarText(value));
    if (key.startsWith("GNU.sparse.")) found.sparse = true;
    if (key === "GNU.sparse.name") sparseName = tarText(value);
    at = end;
  }
  return sparseName === undefined ? found : { ...found, name: sparseName };
}
