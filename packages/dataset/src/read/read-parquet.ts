/** Ids in a Parquet file: the column `ids` (or `tokens`, `input_ids`); `key` and `crop` name the image. */
import { parquetDamaged, requireParquetEnds } from "@revq/data";
import { fromFile } from "@revq/formats/node";
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { malformed, nameOfCrop, type ReadSamples } from "./tokens-file.js";

const idColumns = ["ids", "tokens", "input_ids", "codes"];

export const readParquetSamples: ReadSamples = async (path, { limit }) => {
  const source = await fromFile(path);
  const file: AsyncBuffer = {
    byteLength: source.size,
    slice: async (start, end = source.size) => (await source.read(start, end - start)).slice().buffer as ArrayBuffer,
  };
  try {
    await requireParquetEnds(source);
    const metadata = await parquetMetadataAsync(file);
    const present = new Set(metadata.schema.map(({ name }) => name));
    const column = idColumns.find((name) => present.has(name));
    if (column === undefined) throw malformed(path, `it has no column ${idColumns.join(", ")}`);
    const columns = [column, "key", "crop"].filter((name) => present.has(name));
    const rowEnd = Math.min(limit, Number(metadata.num_rows));
    const rows = await parquetReadObjects({ file, metadata, columns, compressors, rowEnd });
    return {
      ids: rows.map((row, at) => {
        const ids = row[column] as unknown;
        if (Array.isArray(ids) || ArrayBuffer.isView(ids)) return ids as unknown as ArrayLike<unknown>;
        throw malformed(path, `row ${at} has no list in the column ${column}`);
      }),
      names: rows.map(({ key, crop }) => nameOfCrop(typeof key === "string" ? key : null, crop as number | undefined)),
    };
  } catch (cause) {
    throw parquetDamaged(path, "its columns", cause);
  } finally {
    await source.close?.();
  }
};
