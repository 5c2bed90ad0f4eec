/**
 * Checks runs of levels and dictionary indices before hyparquet decodes them: a run with a wrong length would
 * fill the memory. Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
 */
import { ParquetDamage } from "./parquet-damage.js";

/**
 * @param width bits of a value
 * @param count values that all runs have together; the last packed run is filled up to 8
 * @returns where the runs end
 * @throws ParquetDamage if a run has more values than are left, or lies behind the end
 */
export function requireRuns(bytes: Uint8Array, start: number, width: number, count: number): number {
  let offset = start;
  let left = count;
  while (left > 0) {
    let [header, shift] = [0, 0];
    let byte: number;
    do {
      byte = bytes[offset++] ?? NaN;
      if (Number.isNaN(byte) || shift > 28) throw new ParquetDamage("its runs of values end too early");
      header += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte & 0x80);
    const isPacked = header % 2 === 1;
    const values = Math.floor(header / 2) * (isPacked ? 8 : 1);
    if (values > left + (isPacked ? 7 : 0))
      throw new ParquetDamage(`it states a run of ${values} values, ${left} are left`);
    offset += isPacked ? (values / 8) * width : Math.ceil(width / 8);
    left -= values;
  }
  return offset;
}
