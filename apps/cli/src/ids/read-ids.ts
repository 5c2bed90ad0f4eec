/** Reads files of ids. */
import {
  idFormsOf,
  issueText,
  RevqError,
  vocabularyOffsets,
  type IdForm,
  type LatentShape,
  type TokenLayout,
} from "@revq/core";
import { openSafetensors, readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import {
  checkGrid,
  codesOfFile,
  idsRecord,
  idsRecordSchema,
  tileCount,
  vocabularyFile,
  vocabularySchema,
  type IdsRecord,
  type TileGrid,
} from "@revq/tokenizer";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import type { z } from "zod";
import { messageOf } from "../errors/message-of.js";
import { UsageError } from "../errors/usage-error.js";
import { idsExtension, jsonSchema, namesFileOf, namesSchema, vocabularyFileOf, type IdsFile } from "./ids-file.js";

/**
 * Codes in range, of a file of `encode`, or of a data set, its files, and files that a model made. Throws
 * `ids-*`, `special-id`, `code-out-of-range`.
 *
 * @param latentShape of the tokenizer
 * @param asked the form of the ids in a file that does not say; null: codes
 * @param limit only the first so many samples of a data set
 */
export async function readIds(
  path: string,
  { layout, latentShape }: { readonly layout: TokenLayout; readonly latentShape: LatentShape },
  asked: IdForm | null,
  limit?: number,
): Promise<IdsFile> {
  if (await isOfDataset(path)) {
    const { readTokens } = await import("@revq/dataset");
    const { ids, tokens, names, record, recordedIn, madeBy } = await readTokens(path, { tokens: layout.count, limit });
    requireSameShape(record, latentShape, recordedIn);
    const codes = codesOfFile(ids, record, asked, layout, record.vocabulary ? recordedIn : path);
    return { ids: codes, tokens, names, madeBy };
  }
  if (limit !== undefined) {
    throw new UsageError("limit", `--limit is for data sets; ${path} is a file of revq encode.`, {
      fix: "Leave --limit out.",
    });
  }
  const extension = idsExtension(path);
  const read = { ".json": readJson, ".safetensors": readSafetensors, ".npy": readNumpy }[extension];
  const { ids, tokens, names, record, recordedIn, mayBeFormer, grids } = await read(path);
  if (tokens !== layout.count) {
    throw new RevqError("ids-shape", `${path} has ${tokens} ids an image, the tokenizer has ${layout.count} tokens.`, {
      fix: "Decode with the tokenizer that made the ids.",
    });
  }
  if (ids.length === 0) {
    throw new RevqError("ids-malformed", `${path} holds the ids of no image.`, { fix: "Use a file with ids." });
  }
  requireSameShape(record, latentShape, recordedIn);
  if (!grids && names.length !== 0 && names.length !== ids.length / tokens) {
    throw new RevqError("ids-malformed", `${path} has ${names.length} names for ${ids.length / tokens} images.`, {
      fix: "Use a file that `revq encode` wrote.",
    });
  }
  if (mayBeFormer && asked === "groups") refuseFormer(path, ids, layout);
  const codes = codesOfFile(ids, record, asked, layout, recordedIn);
  if (grids) {
    for (const grid of grids) checkGrid(grid);
    const rows = grids.reduce((sum, grid) => sum + tileCount(grid), 0);
    if (rows * tokens !== codes.length) {
      throw new RevqError(
        "ids-shape",
        `${path} has ${codes.length / tokens} rows of ids; its grids have ${rows} tiles.`,
        { fix: "Use a file that `revq encode --tile` wrote." },
      );
    }
  }
  return { ids: codes, tokens, names, grids };
}

function requireSameShape({ vocabulary }: IdsRecord, { channels, height, width }: LatentShape, where: string): void {
  const found = vocabulary?.layout.latentShape.join(" x ");
  const expected = [channels, height, width].join(" x ");
  if (found === undefined || found === expected) return;
  throw new RevqError(
    "ids-vocabulary",
    `${where} is of latents of ${found}, the tokenizer of ${expected} (channels x height x width).`,
    { fix: "Decode with the tokenizer that made the ids." },
  );
}

/**
 * Before a tokenizer is loaded: is there a file or folder that ids can be read from? Throws `file-not-found`,
 * `ids-format`.
 */
export async function requireIds(path: string): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (!info) throw new RevqError("file-not-found", `${path} does not exist.`, { fix: "Check the path." });
  const extension = extname(path).toLowerCase();
  if (info.isDirectory() || readable.includes(extension)) return;
  throw new UsageError(
    "ids-format",
    `"${path}" ${extension ? `ends with "${extension}"` : "has no extension"}: ids are read from ${readable.join(", ")} files, or from the folder of a data set.`,
    { fix: "Use one of these extensions." },
  );
}

const ofDatasets = [".tar", ".parquet", ".jsonl", ".bin"];
const readable = [".npy", ".json", ".safetensors", ...ofDatasets];

/** Earlier versions wrote the form `positions` where they were asked for offsets, and recorded it in no `.npy`. */
function refuseFormer(path: string, ids: Int32Array, layout: TokenLayout): void {
  const same = vocabularyOffsets(layout, "groups").join() === vocabularyOffsets(layout, "positions").join();
  if (same || !idFormsOf(ids, layout).includes("positions")) return;
  throw new RevqError(
    "ids-form",
    `${path} has ids of the form "positions". An earlier version wrote it, where the flag of group offsets meant that form.`,
    { setting: { path: "ids.form", value: "positions" }, fix: "Name that form." },
  );
}

/** A folder, a file with samples, or a `.npy` with the record of a data set, and none of its own. */
async function isOfDataset(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  const extension = extname(path).toLowerCase();
  if (info?.isDirectory() || ofDatasets.includes(extension)) return true;
  if (extension !== ".npy" || existsSync(vocabularyFileOf(path)) || existsSync(namesFileOf(path))) return false;
  const folder = dirname(path);
  return existsSync(join(folder.endsWith("_codes") ? dirname(folder) : folder, vocabularyFile));
}

interface RawIds {
  readonly ids: Int32Array;
  readonly tokens: number;
  readonly names: readonly string[];
  readonly record: IdsRecord;
  /** The file of the record, for errors. */
  readonly recordedIn: string;
  /** True for a `.npy` that a version without records may have written. */
  readonly mayBeFormer?: boolean;
  readonly grids?: readonly TileGrid[] | undefined;
}

async function readJson(path: string): Promise<RawIds> {
  const source = await fromFile(path);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  const { tokens, images, ...fields } = parseAs(jsonSchema, path, text);
  const tiled = images.some(({ grid }) => grid);
  const expected = ({ grid }: (typeof images)[number]): number => (grid ? tileCount(grid) : 1) * tokens;
  const wrong = images.find((image) => image.ids.length !== expected(image) || Boolean(image.grid) !== tiled);
  if (wrong)
    throw new RevqError(
      "ids-shape",
      `${path}: ${wrong.name} has ${wrong.ids.length} ids, expected ${expected(wrong)}.`,
    );
  return {
    ids: toInt32(
      path,
      images.flatMap(({ ids }) => ids),
    ),
    tokens,
    record: idsRecord(fields),
    recordedIn: path,
    names: images.map(({ name }) => name),
    grids: tiled ? images.map(({ grid }) => grid!) : undefined,
  };
}

async function readSafetensors(path: string): Promise<RawIds> {
  const source = await fromFile(path);
  try {
    const file = await openSafetensors(source);
    const info = file.tensors.get("ids");
    if (!info) {
      throw new RevqError("ids-malformed", `${path} has no tensor "ids".`, {
        fix: "Use a file that `revq encode` wrote.",
      });
    }
    requireIntegers(path, info.shape, info.dtype);
    const { names = "[]", vocabulary = "null", offsetGroups = "null" } = file.metadata;
    const fields = {
      vocabulary: parseAs(idsRecordSchema.shape.vocabulary, `${path}, metadata vocabulary`, vocabulary),
      offsetGroups: parseAs(idsRecordSchema.shape.offsetGroups, `${path}, metadata offsetGroups`, offsetGroups),
    };
    return {
      ids: toInt32(path, (await file.read("ids")).data),
      tokens: info.shape[1]!,
      ...parseNames(`${path}, metadata names`, names),
      record: idsRecord(fields),
      recordedIn: path,
    };
  } finally {
    await source.close?.();
  }
}

async function readNumpy(path: string): Promise<RawIds> {
  const source = await fromFile(path);
  try {
    const { shape: axes, dtype, data } = await readNpy(source);
    // LlamaGen's files are [1, crops, t].
    const shape = axes.length === 3 ? [axes[0]! * axes[1]!, axes[2]!] : axes;
    requireIntegers(path, shape, dtype);
    const names = await readFile(namesFileOf(path), "utf8").catch(() => null);
    const vocabulary = await readFile(vocabularyFileOf(path), "utf8").catch(() => null);
    return {
      ids: toInt32(path, data),
      tokens: shape[1]!,
      ...parseNames(namesFileOf(path), names ?? "[]"),
      record: idsRecord({
        vocabulary: vocabulary === null ? null : parseAs(vocabularySchema, vocabularyFileOf(path), vocabulary),
      }),
      recordedIn: vocabulary === null ? path : vocabularyFileOf(path),
      mayBeFormer: names !== null && vocabulary === null,
    };
  } finally {
    await source.close?.();
  }
}

/** A list of names, or of names and grids. */
function parseNames(path: string, text: string): { names: readonly string[]; grids?: readonly TileGrid[] } {
  const entries = parseAs(namesSchema, path, text);
  const names = entries.map((entry) => (typeof entry === "string" ? entry : entry.name));
  const grids = entries.flatMap((entry) => (typeof entry === "string" ? [] : [entry.grid]));
  return grids.length > 0 ? { names, grids } : { names };
}

function parseAs<T>(schema: z.ZodType<T>, where: string, text: string): T {
  const fix = "Use a file that `revq encode` wrote.";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RevqError("ids-malformed", `${where} is not JSON: ${messageOf(cause)}.`, { fix, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new RevqError("ids-malformed", `${where}: ${issue.path.join(".") || "the file"}: ${issueText(issue, json)}.`, {
    fix: `${fix.slice(0, -1)}, or write the ids of a model as .npy or .jsonl.`,
  });
}

/** @param dtype its name in npy or safetensors */
function requireIntegers(path: string, shape: readonly number[], dtype: string): void {
  if (shape.length === 2 && shape[1]! > 0 && /^u?int|^[IU]\d/.test(dtype)) return;
  throw new RevqError("ids-shape", `${path} holds ${dtype} of shape [${shape}], expected integers [n, t].`, {
    fix: /^float|^B?F\d/.test(dtype)
      ? "Save them as integers, in Python: ids.astype('int32')."
      : "Use a file that `revq encode` wrote, or ids of that shape.",
  });
}

function toInt32(path: string, values: ArrayLike<number | bigint>): Int32Array {
  return Int32Array.from(values, (value, i) => {
    const id = Number(value);
    if (id >= -(2 ** 31) && id < 2 ** 31) return id;
    throw new RevqError("code-out-of-range", `${path}: id ${value} at position ${i} is beyond 32 bits.`, {
      fix: "Ids of revq are int32; use a file that `revq encode` wrote.",
    });
  });
}
