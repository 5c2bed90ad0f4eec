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
      if (counted.encoding.startsWith("DELTA_")) requireDelta(page, header, column, { levels, compressors });
    }
  }
}

/** Values of strings and bytes only: lengths, and with DELTA_BYTE_ARRAY prefixes before them. */
function requireDelta(
  page: Uint8Array,
  header: PageHeader,
  { codec }: ColumnMetaData,
  { levels, compressors }: { readonly levels: Levels; readonly compressors: Compressors },
): void {
  const { data_page_header: first, data_page_header_v2: second, uncompressed_page_size: size } = header;
  let bytes: Uint8Array;
  let count: number;
  if (second) {
    const before = second.repetition_levels_byte_length + second.definition_levels_byte_length;
    require(before >= 0 && before <= page.length, `levels of ${before} bytes`);
    bytes = page.subarray(before);
    if (second.is_compressed !== false) bytes = decompressPage(bytes, size - before, codec, compressors);
    count = second.num_values - second.num_nulls;
  } else {
    const whole = decompressPage(page, size, codec, compressors);
    const read = valuesAfterLevels(whole, first!, levels);
    bytes = whole.subarray(read.offset);
    count = read.count;
  }
  require(count >= 0, `${count} values`);
  let offset = 0;
  const sequences = (first ?? second)!.encoding === "DELTA_BYTE_ARRAY" ? 2 : 1;
  for (let i = 0; i < sequences; i++) offset = skipDelta(bytes, offset, count);
}

/** In pages of version 1 the levels lie before the values, each with its length. */
function valuesAfterLevels(
  page: Uint8Array,
  { num_values }: DataPageHeader,
  { repetition, definition }: Levels,
): { offset: number; count: number } {
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 };
  if (repetition > 0) reader.offset += 4 + reader.view.getUint32(0, true);
  if (definition === 0) return { offset: reader.offset, count: num_values };
  const defined: number[] = new Array<number>(num_values);
  readRleBitPackedHybrid(reader, 32 - Math.clz32(definition), defined);
  return { offset: reader.offset, count: defined.filter((level) => level === definition).length };
}

function require(holds: boolean, what: string): void {
  if (!holds) throw new ParquetDamage(`it states ${what}`);
}
