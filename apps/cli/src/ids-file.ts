/**
 * Files of ids: `.npy` (int32 [n, t], as numpy reads it; names beside it in `FILE.names.json`), `.json`, or `.safetensors` (tensor
 * `ids`). Ids are codes of their groups, or flat ids with `offsetGroups`: token t's flat id is its code plus the number of codes of
 * all tokens before it (t * K + code when every group has K codes). An image that was encoded in tiles has one row a tile; its grid is
 * stored with its name.
 */
import { RevqError, vocabularyOffsets, vocabularySize, type TokenSpec } from "@revq/core";
import { openSafetensors, readNpy, writeNpy, writeSafetensors } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import { checkGrid, tileCount, type TileGrid } from "@revq/tokenizer";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { z } from "zod";

export interface IdsFile {
  /** Codes within their groups, `[n, t]` flat; n is the number of images, or of their tiles. */
  readonly codes: Int32Array;
  readonly tokens: number;
  /** One an image; empty when the file has none. */
  readonly names: readonly string[];
  /** One an image, when they are in tiles. */
  readonly grids?: readonly TileGrid[] | undefined;
}

const gridSchema = z.strictObject({
  width: z.int(),
  height: z.int(),
  tile: z.int(),
  columns: z.int(),
  rows: z.int(),
});
const namesSchema = z.union([z.array(z.string()), z.array(z.strictObject({ name: z.string(), grid: gridSchema }))]);

const jsonSchema = z.object({
  tokens: z.int().min(1),
  vocabulary: z.int().min(1),
  offsetGroups: z.boolean(),
  images: z.array(z.object({ name: z.string(), grid: gridSchema.optional(), ids: z.array(z.int()) })),
});

export async function writeIds(
  path: string,
  { codes, names, grids }: IdsFile,
  spec: TokenSpec,
  offsetGroups: boolean,
): Promise<void> {
  const t = spec.tokens;
  const offsets = vocabularyOffsets(spec);
  const ids = offsetGroups ? codes.map((code, i) => code + offsets[i % t]!) : codes;
  const shape = [ids.length / t, t];
  const named = grids ? names.map((name, i) => ({ name, grid: grids[i]! })) : names;
  const extension = idsExtension(path);
  if (extension === ".json") {
    let start = 0;
    const images = names.map((name, i) => {
      const end = start + (grids ? tileCount(grids[i]!) : 1) * t;
      const image = { name, ...(grids ? { grid: grids[i]! } : {}), ids: Array.from(ids.subarray(start, end)) };
      start = end;
      return image;
    });
    const head = { tokens: t, vocabulary: vocabularySize(spec), offsetGroups };
    const lines = images.map((image) => `    ${JSON.stringify(image)}`).join(",\n");
    const text = `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "images": [\n${lines}\n  ]\n}\n`;
    await writeFileAtomic(path, new TextEncoder().encode(text));
  } else if (extension === ".safetensors") {
    const metadata = {
      names: JSON.stringify(named),
      vocabulary: String(vocabularySize(spec)),
      offsetGroups: String(offsetGroups),
    };
    await writeFileAtomic(path, writeSafetensors([{ name: "ids", shape, data: ids }], metadata));
  } else {
    await writeFileAtomic(path, writeNpy({ shape, data: ids }));
    await writeFileAtomic(`${path}.names.json`, `${JSON.stringify(named)}\n`);
  }
}

/** @param offsetGroups whether a `.npy` holds flat ids; the other formats say so themselves */
export async function readIds(path: string, spec: TokenSpec, offsetGroups: boolean): Promise<IdsFile> {
  const extension = idsExtension(path);
  const read = { ".json": readJson, ".safetensors": readSafetensors, ".npy": readNumpy }[extension];
  const { ids, tokens, names, vocabulary, flat, grids } = await read(path, offsetGroups);
  const otherTokenizer = { fix: "Decode with the tokenizer that made the ids." };
  if (tokens !== spec.tokens) {
    throw new RevqError(
      "ids-shape",
      `${path} has ${tokens} ids an image, the tokenizer has ${spec.tokens} tokens.`,
      otherTokenizer,
    );
  }
  if (vocabulary !== null && vocabulary !== vocabularySize(spec)) {
    throw new RevqError(
      "ids-vocabulary",
      `${path} has a vocabulary of ${vocabulary} ids, the tokenizer one of ${vocabularySize(spec)}.`,
      otherTokenizer,
    );
  }
  if (!grids && names.length !== 0 && names.length !== ids.length / tokens) {
    throw new RevqError("ids-malformed", `${path} has ${names.length} names for ${ids.length / tokens} images.`, {
      fix: "Use a file that `revq encode` wrote.",
    });
  }
  const offsets = vocabularyOffsets(spec);
  const codes = flat ? ids.map((id, i) => id - offsets[i % tokens]!) : ids;
  if (grids) {
    for (const grid of grids) checkGrid(grid);
    const rows = grids.reduce((sum, grid) => sum + tileCount(grid), 0);
    if (rows * tokens !== codes.length) {
      throw new RevqError(
        "ids-shape",
        `${path} has ${codes.length / tokens} rows of ids; its grids have ${rows} tiles.`,
        {
          fix: "Use a file that `revq encode --tile` wrote.",
        },
      );
    }
  }
  return { codes, tokens, names, grids };
}

interface RawIds {
  readonly ids: Int32Array;
  readonly tokens: number;
  readonly names: readonly string[];
  /** Null when the file does not say. */
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
  const fix = "It should look as `revq encode` writes it.";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RevqError("ids-malformed", `${where} is not JSON: ${(cause as Error).message}.`, { fix, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RevqError("ids-malformed", `${where}: ${issue!.path.join(".") || "the whole"}: ${issue!.message}.`, {
    fix,
  });
}

/** @param dtype npy's or safetensors' name of it */
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

function idsExtension(path: string): ".npy" | ".json" | ".safetensors" {
  const extension = extname(path).toLowerCase();
  if (extension === ".npy" || extension === ".json" || extension === ".safetensors") return extension;
  throw new RevqError(
    "ids-format",
    `${path} ends with "${extension}": ids are written as .npy, .json or .safetensors.`,
    {
      fix: "Give the file one of these extensions.",
      exitCode: 2,
    },
  );
}

/** Fails early on a name that `writeIds` would refuse. */
export function checkIdsPath(path: string): void {
  idsExtension(path);
}
