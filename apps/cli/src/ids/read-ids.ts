/** Reads files of ids. */
import { RevqError, vocabularyOffsets, vocabularySize, type TokenLayout } from "@revq/core";
import { openSafetensors, readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { checkGrid, tileCount, type TileGrid } from "@revq/tokenizer";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf } from "../errors/message-of.js";
import { idsExtension, jsonSchema, namesSchema, type IdsFile } from "./ids-file.js";

/** @param offsetGroups whether a `.npy` holds flat ids; files of the other formats record it */
export async function readIds(path: string, layout: TokenLayout, offsetGroups: boolean): Promise<IdsFile> {
  const extension = idsExtension(path);
  const read = { ".json": readJson, ".safetensors": readSafetensors, ".npy": readNumpy }[extension];
  const { ids, tokens, names, vocabulary, flat, grids } = await read(path, offsetGroups);
  const otherTokenizer = { fix: "Decode with the tokenizer that made the ids." };
  if (tokens !== layout.count) {
    throw new RevqError(
      "ids-shape",
      `${path} has ${tokens} ids an image, the tokenizer has ${layout.count} tokens.`,
      otherTokenizer,
    );
  }
  if (vocabulary !== null && vocabulary !== vocabularySize(layout)) {
    throw new RevqError(
      "ids-vocabulary",
      `${path} has a vocabulary of ${vocabulary} ids, the tokenizer one of ${vocabularySize(layout)}.`,
      otherTokenizer,
    );
  }
  if (!grids && names.length !== 0 && names.length !== ids.length / tokens) {
    throw new RevqError("ids-malformed", `${path} has ${names.length} names for ${ids.length / tokens} images.`, {
      fix: "Use a file that `revq encode` wrote.",
    });
  }
  const offsets = vocabularyOffsets(layout);
  const groupIds = flat ? ids.map((id, i) => id - offsets[i % tokens]!) : ids;
  if (grids) {
    for (const grid of grids) checkGrid(grid);
    const rows = grids.reduce((sum, grid) => sum + tileCount(grid), 0);
    if (rows * tokens !== groupIds.length) {
      throw new RevqError(
        "ids-shape",
        `${path} has ${groupIds.length / tokens} rows of ids; its grids have ${rows} tiles.`,
        { fix: "Use a file that `revq encode --tile` wrote." },
      );
    }
  }
  return { ids: groupIds, tokens, names, grids };
}

interface RawIds {
  readonly ids: Int32Array;
  readonly tokens: number;
  readonly names: readonly string[];
  /** Null when the file does not record it. */
  readonly vocabulary: number | null;
  readonly flat: boolean;
  readonly grids?: readonly TileGrid[] | undefined;
}

async function readJson(path: string): Promise<RawIds> {
  const source = await fromFile(path);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  const { tokens, images, offsetGroups, vocabulary } = parseAs(jsonSchema, path, text);
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
    vocabulary,
    names: images.map(({ name }) => name),
    flat: offsetGroups,
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
    const { names = "[]", vocabulary = "null", offsetGroups } = file.metadata;
    return {
      ids: toInt32(path, (await file.read("ids")).data),
      tokens: info.shape[1]!,
      ...parseNames(`${path}, metadata names`, names),
      vocabulary: parseAs(z.int().min(1).nullable(), `${path}, metadata vocabulary`, vocabulary),
      flat: offsetGroups === "true",
    };
  } finally {
    await source.close?.();
  }
}

async function readNumpy(path: string, offsetGroups: boolean): Promise<RawIds> {
  const source = await fromFile(path);
  try {
    const { shape, dtype, data } = await readNpy(source);
    requireIntegers(path, shape, dtype);
    const names = await readFile(`${path}.names.json`, "utf8").catch(() => "[]");
    return {
      ids: toInt32(path, data),
      tokens: shape[1]!,
      ...parseNames(`${path}.names.json`, names),
      vocabulary: null,
      flat: offsetGroups,
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
  const [issue] = parsed.error.issues;
  throw new RevqError("ids-malformed", `${where}: ${issue!.path.join(".") || "the file"}: ${issue!.message}.`, {
    fix,
  });
}

/** @param dtype its name in npy or safetensors */
function requireIntegers(path: string, shape: readonly number[], dtype: string): void {
  if (shape.length === 2 && shape[1]! > 0 && /^u?int|^[IU]\d/.test(dtype)) return;
  throw new RevqError("ids-shape", `${path} holds ${dtype} of shape [${shape}], expected integers [n, t].`, {
    fix: "Use a file that `revq encode` wrote.",
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
