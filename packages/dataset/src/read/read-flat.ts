/** Ids in flat arrays: `.bin`, and `.npy` of data sets and of LlamaGen. */
import { readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { IdType } from "../formats/format-id.js";
import { sampleIndexFile, sampleIndexSchema, type SampleIndex } from "../formats/sample-index.js";
import { readJson } from "../job/read-json.js";
import { malformed, nameOfCrop, type ReadSamples } from "./tokens-file.js";

const arrays = { uint16: Uint16Array, int32: Int32Array, int64: BigInt64Array } as const;

/**
 * Ids without a header. Their type is in `tokens.idx.json` beside them.
 * @param otherwise their type if there is no such file
 */
export function readBinSamples(otherwise: IdType): ReadSamples {
  return async (path, { tokens, limit }) => {
    const index = await readIndex(path);
    const type = index?.dtype ?? otherwise;
    const array = arrays[type];
    const { size } = await stat(path);
    const row = tokens * array.BYTES_PER_ELEMENT;
    if (size === 0 || size % row !== 0) {
      throw malformed(path, `${size} bytes are not a whole number of images of ${tokens} ${type} ids`);
    }
    const source = await fromFile(path);
    try {
      const bytes = await source.read(0, Math.min(size, limit * row));
      const ids = new array(bytes.slice().buffer);
      const wider = index ? null : widerType(ids, type);
      if (wider)
        throw malformed(
          path,
          `it seems to hold ${wider}, but without ${sampleIndexFile} beside it ${type} is expected`,
        );
      return { ids: rowsOf(ids, tokens), names: namesOf(index) };
    } finally {
      await source.close?.();
    }
  };
}

/** Below so many ids, zeros may be ids. */
const fewIds = 64;

/**
 * The type that the ids seem to have been written in: of ids of 64 bits that are read as 16 bits, three
 * of four are 0. Null if they have the given type.
 */
function widerType(ids: Uint16Array | Int32Array | BigInt64Array, type: IdType): IdType | null {
  if (ids.length < fewIds || !ids.some((id) => Number(id) !== 0)) return null;
  for (const wider of ["int64", "int32"] as const) {
    const ratio = arrays[wider].BYTES_PER_ELEMENT / arrays[type].BYTES_PER_ELEMENT;
    if (ratio > 1 && ids.every((id, i) => Number(id) === 0 || i % ratio === 0)) return wider;
  }
  return null;
}

/** `[n, t]`, or with more axes before t, as LlamaGen's. */
export const readNpySamples: ReadSamples = async (path, { limit }) => {
  const source = await fromFile(path);
  try {
    const { shape, data, dtype } = await readNpy(source);
    if (shape.length === 0 || !/^u?int/.test(dtype)) throw malformed(path, `it holds ${dtype} of shape [${shape}]`);
    return { ids: rowsOf(data, shape.at(-1)!).slice(0, limit), names: namesOf(await readIndex(path)) };
  } finally {
    await source.close?.();
  }
};

/** The index of a data set's own array. */
async function readIndex(path: string): Promise<SampleIndex | null> {
  if (!/^tokens\.(npy|bin)$/.test(path.split(/[\\/]/).at(-1)!)) return null;
  return readJson(join(dirname(path), sampleIndexFile), sampleIndexSchema);
}

function namesOf(index: SampleIndex | null): (string | null)[] {
  return index ? index.keys.map((key, i) => nameOfCrop(key, index.crops?.[i])) : [];
}

interface Sliceable extends ArrayLike<number | bigint> {
  subarray(start: number, end: number): ArrayLike<number | bigint>;
}

function rowsOf(values: Sliceable, row: number): ArrayLike<number | bigint>[] {
  return Array.from({ length: values.length / row }, (_, i) => values.subarray(i * row, (i + 1) * row));
}
