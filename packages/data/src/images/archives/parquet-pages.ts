/**
 * Checks the pages of a column before hyparquet decodes them: with wrong sizes and counts it would
 * fill the memory, or never end. Source: parquet-format, parquet.thrift and Encodings.md.
 */
import type { ColumnMetaData, DataPageHeader, FileMetaData, PageHeader } from "hyparquet";
import { parquetSchema } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from "hyparquet/src/schema.js";
import type { Compressors } from "hyparquet-compressors";
import { ParquetDamage } from "./parquet-damage.js";
import { skipDelta } from "./parquet-delta.js";
import { requireRuns } from "./parquet-runs.js";

interface Levels {
  readonly repetition: number;
  readonly definition: number;
}

/**
 * @param chunk the bytes of the column in one row group
 * @throws Error that says what is wrong with a page
 */
export function requirePages(
  chunk: Uint8Array,
  column: ColumnMetaData,
  metadata: FileMetaData,
  compressors: Compressors,
): void {
  const path = getTreePath(parquetSchema(metadata), column.path_in_schema);
  const levels = { repetition: getMaxRepetitionLevel(path), definition: getMaxDefinitionLevel(path) };
  const reader = { view: new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength), offset: 0 };
  let values = 0;
  while (reader.offset < chunk.length - 1) {
    const start = reader.offset;
    const header = parquetHeader(reader);
    const { compressed_page_size: packed, uncompressed_page_size: size } = header;
    require(packed >= 0 && reader.offset + packed <= chunk.length, `a page at byte ${start} of ${packed} bytes`);
    require(size >= 0, `a page of ${size} bytes`);
    const page = chunk.subarray(reader.offset, reader.offset + packed);
    reader.offset += packed;
    const counted = header.data_page_header ?? header.data_page_header_v2;
    if (header.type === "DICTIONARY_PAGE") {
      const count = header.dictionary_page_header?.num_values ?? 0;
      require(count >= 0 && count <= size, `a dictionary of ${count} values in ${size} bytes`);
    } else if (counted) {
      values += counted.num_values;
      require(counted.num_values >= 0 && values <= Number(column.num_values), `a page of ${counted.num_values} values`);
      requireContents(page, header, column, { levels, compressors });
    }
  }
}

/** Levels, then values: runs of dictionary indices, or the lengths of `DELTA_` encodings. */
function requireContents(
  page: Uint8Array,
  header: PageHeader,
  { codec }: ColumnMetaData,
  { levels, compressors }: { readonly levels: Levels; readonly compressors: Compressors },
): void {
  const { data_page_header: first, data_page_header_v2: second, uncompressed_page_size: size } = header;
  const { encoding, num_values: all } = (first ?? second)!;
  let bytes: Uint8Array;
  let count: number;
  if (second) {
    const repetition = second.repetition_levels_byte_length;
    const before = repetition + second.definition_levels_byte_length;
    require(repetition >= 0 && before >= repetition && before <= page.length, `levels of ${before} bytes`);
    if (levels.repetition > 0) requireRuns(page.subarray(0, repetition), 0, widthOf(levels.repetition), all);
    if (levels.definition > 0) requireRuns(page.subarray(repetition, before), 0, widthOf(levels.definition), all);
    bytes = page.subarray(before);
    if (second.is_compressed !== false) bytes = decompressPage(bytes, size - before, codec, compressors);
    count = all - second.num_nulls;
  } else {
    const whole = decompressPage(page, size, codec, compressors);
    const read = valuesAfterLevels(whole, first!, levels);
    bytes = whole.subarray(read.offset);
    count = read.count;
  }
  require(count >= 0, `${count} values`);
  // The bits of an index come first; without any, all indices are 0.
  if (encoding.endsWith("_DICTIONARY") && bytes[0]! > 0) requireRuns(bytes, 1, bytes[0]!, count);
  if (!encoding.startsWith("DELTA_")) return;
  let offset = 0;
  const sequences = encoding === "DELTA_BYTE_ARRAY" ? 2 : 1;
  for (let i = 0; i < sequences; i++) offset = skipDelta(bytes, offset, count);
}

/** In pages of version 1 the levels lie before the values, each with its length. */
function valuesAfterLevels(
  page: Uint8Array,
  { num_values }: DataPageHeader,
  { repetition, definition }: Levels,
): { offset: number; count: number } {
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 };
  if (repetition > 0) {
    requireRuns(page, 4, widthOf(repetition), num_values);
    reader.offset += 4 + reader.view.getUint32(0, true);
  }
  if (definition === 0) return { offset: reader.offset, count: num_values };
  requireRuns(page, reader.offset + 4, widthOf(definition), num_values);
  const defined: number[] = new Array<number>(num_values);
  readRleBitPackedHybrid(reader, widthOf(definition), defined);
  return { offset: reader.offset, count: defined.filter((level) => level === definition).length };
}

/** Bits of a level. */
function widthOf(largest: number): number {
  return 32 - Math.clz32(largest);
}

function require(holds: boolean, what: string): void {
  if (!holds) throw new ParquetDamage(`it states ${what}`);
}
