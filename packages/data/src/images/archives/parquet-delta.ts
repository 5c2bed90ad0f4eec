/** The delta encoding of integers (parquet-format, Encodings.md, "Delta Encoding"). */

import { ParquetDamage } from "./parquet-damage.js";

/** Longer blocks are refused; the specification's example has 128 values. */
const maxBlock = 2 ** 24;

/**
 * The offset behind `count` delta-encoded integers that begin at `offset`.
 * @throws Error when the sequence breaks the rules, such as blocks of no values
 */
export function skipDelta(bytes: Uint8Array, offset: number, count: number): number {
  let at = offset;
  function varint(): number {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63) throw new ParquetDamage("its lengths end too early");
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
  }
  const block = varint();
  const miniblocks = varint();
  const total = varint();
  varint();
  const each = block / miniblocks;
  if (!(block > 0 && block <= maxBlock && miniblocks > 0 && each % 8 === 0)) {
    throw new ParquetDamage(`it states delta blocks of ${block} values in ${miniblocks} parts`);
  }
  if (total !== count) throw new ParquetDamage(`it states ${total} lengths of ${count} values`);
  for (let left = count - 1; left > 0;) {
    varint();
    const widths = bytes.subarray(at, at + miniblocks);
    if (widths.length < miniblocks) throw new ParquetDamage("its lengths end too early");
    at += miniblocks;
    for (const width of widths) {
      if (left <= 0) break;
      if (width > 64) throw new ParquetDamage(`it states integers of ${width} bits`);
      at += (each * width) / 8;
      left -= each;
    }
    if (at > bytes.length) throw new ParquetDamage("its lengths end too early");
  }
  return at;
}
