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
    const metadata = { names: JSON.stringify(named), offsetGroups: String(offsetGroups) };
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
  const { ids, tokens, names, flat, grids } = await read(path, offsetGroups);
  if (tokens !== spec.tokens) {
    throw new RevqError("ids-shape", `${path} has ${tokens} ids an image, the tokenizer has ${spec.tokens} tokens.`, {
      fix: "Decode with the tokenizer that made the ids.",
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
  readonly flat: boolean;
  readonly grids?: readonly TileGrid[] | undefined;
}

async function readJson(path: string): Promise<RawIds> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new RevqError("ids-missing", `The ids file ${path} cannot be read (${cause.code}).`, { cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RevqError("ids-malformed", `${path} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  const parsed = jsonSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new RevqError("ids-malformed", `${path} is not a file of ids: ${issue.path.join(".")}: ${issue.message}.`, {
      fix: "It should look as `revq encode -o FILE.json` writes it.",
    });
  }
  const { tokens, images, offsetGroups } = parsed.data;
  const tiled = images.some(({ grid }) => grid);
  const expected = ({ grid }: (typeof images)[number]): number => (grid ? tileCount(grid) : 1) * tokens;
  const wrong = images.find((image) => image.ids.length !== expected(image) || Boolean(image.grid) !== tiled);
  if (wrong)
    throw new RevqError(
      "ids-shape",
      `${path}: ${wrong.name} has ${wrong.ids.length} ids, expected ${expected(wrong)}.`,
    );
  return {
    ids: Int32Array.from(images.flatMap(({ ids }) => ids)),
    tokens,
    names: images.map(({ name }) => name),
    flat: offsetGroups,
    grids: tiled ? images.map(({ grid }) => grid!) : undefined,
  };
}

async function readSafetensors(path: string): Promise<RawIds> {
  const source = await fromFile(path);
  try {
    const file = await openSafetensors(source);
    if (!file.tensors.has("ids")) {
      throw new RevqError("ids-malformed", `${path} has no tensor "ids".`, {
        fix: "Use a file that `revq encode` wrote.",
      });
    }
    const { shape, data } = await file.read("ids");
    const names = parseNames(path, file.metadata["names"] ?? "[]");
    return { ...requireIds(path, shape, data), ...names, flat: file.metadata["offsetGroups"] === "true" };
  } finally {
    await source.close?.();
  }
}

async function readNumpy(path: string, offsetGroups: boolean): Promise<RawIds> {
  const source = await fromFile(path);
  try {
    const { shape, data } = await readNpy(source);
    const text = await readFile(`${path}.names.json`, "utf8").catch(() => "[]");
    return { ...requireIds(path, shape, data), ...parseNames(`${path}.names.json`, text), flat: offsetGroups };
  } finally {
    await source.close?.();
  }
}

/** A list of names, or of names and grids. */
function parseNames(path: string, text: string): { names: readonly string[]; grids?: readonly TileGrid[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = namesSchema.safeParse(json);
  if (!parsed.success) {
    throw new RevqError("ids-malformed", `${path} holds no list of names, or of names and grids.`, {
      fix: "Write it as `revq encode` does; for ids that are not in tiles it can be left out.",
    });
  }
  const names = parsed.data.map((entry) => (typeof entry === "string" ? entry : entry.name));
  const grids = parsed.data.flatMap((entry) => (typeof entry === "string" ? [] : [entry.grid]));
  return grids.length > 0 ? { names, grids } : { names };
}

function requireIds(
  path: string,
  shape: readonly number[],
  data: ArrayLike<number | bigint>,
): { ids: Int32Array; tokens: number } {
  const integers = !(data instanceof Float32Array || data instanceof Float64Array);
  if (shape.length !== 2 || !integers) {
    throw new RevqError(
      "ids-shape",
      `${path} holds ${integers ? "integers" : "floats"} of shape [${shape}], expected integers [n, t].`,
      {
        fix: "Use a file that `revq encode` wrote.",
      },
    );
  }
  return { ids: Int32Array.from(data, Number), tokens: shape[1]! };
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
