/** Ids in flat arrays: `.bin`, and `.npy` of data sets and of LlamaGen. */
import { RevqError } from "@revq/core";
import { readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { IdType } from "../formats/format-id.js";
import { sampleIndexFile, sampleIndexSchema, type SampleIndex } from "../formats/sample-index.js";
import { damaged, readJson } from "../job/read-json.js";
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
      requireSamples(path, size / row, index);
      const bytes = await source.read(0, Math.min(size, limit * row));
      const ids = new array(bytes.slice().buffer);
      const wider = index ? null : widerType(ids, type);
      if (wider) throw ofAnotherType(path, type, wider);
      return { ids: rowsOf(ids, tokens), names: namesOf(index) };
    } finally {
      await source.close?.();
    }
  };
}

function ofAnotherType(path: string, type: IdType, found: IdType): RevqError {
  return new RevqError(
    "ids-malformed",
    `${path} seems to hold ${found}; without ${sampleIndexFile}, ids are ${type}.`,
    {
      fix: `Save them in Python with ids.astype("${type}").tofile(…), or as .npy, which records its type.`,
    },
  );
}

/** Of so few ids, or so few different ones, every second may be 0. */
const fewIds = 64;
const fewDifferent = 3;

/**
 * The type that the ids seem to have been written in: of ids of 64 bits that are read as 16 bits, three
 * of four are 0. Null if they have the given type.
 */
function widerType(ids: Uint16Array | Int32Array | BigInt64Array, type: IdType): IdType | null {
  if (ids.length < fewIds || !differs(ids)) return null;
  for (const wider of ["int64", "int32"] as const) {
    const ratio = arrays[wider].BYTES_PER_ELEMENT / arrays[type].BYTES_PER_ELEMENT;
    if (ratio > 1 && ids.every((id, i) => Number(id) === 0 || i % ratio === 0)) return wider;
  }
  return null;
}

function differs(ids: Iterable<number | bigint>): boolean {
  const found = new Set<number | bigint>();
  for (const id of ids) if (found.add(id).size > fewDifferent) return true;
  return false;
}

/** `[n, t]`, or with more axes before t, as LlamaGen's. */
export const readNpySamples: ReadSamples = async (path, { limit }) => {
  const source = await fromFile(path);
  try {
    const { shape, data, dtype } = await readNpy(source);
    if (shape.length === 0 || !/^u?int/.test(dtype)) throw malformed(path, `it holds ${dtype} of shape [${shape}]`);
    const index = await readIndex(path);
    const ids = rowsOf(data, shape.at(-1)!);
    requireSamples(path, ids.length, index);
    return { ids: ids.slice(0, limit), names: namesOf(index) };
  } finally {
    await source.close?.();
  }
};

function requireSamples(path: string, samples: number, index: SampleIndex | null): void {
  if (index && index.samples !== samples)
    throw damaged(path, `it holds ${samples} samples, and ${sampleIndexFile} lists ${index.samples}`);
}

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
