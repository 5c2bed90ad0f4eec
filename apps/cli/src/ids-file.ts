/**
 * Files of ids: `.npy` (int32 [n, t], as numpy reads it; names beside it in `FILE.names.json`), `.json`, or `.safetensors` (tensor
 * `ids`). Ids are codes of their groups, or flat ids with `offsetGroups`: token t's flat id is its code plus the number of codes of
 * all tokens before it (t * K + code when every group has K codes).
 */
import { isRevqError, RevqError, vocabularyOffsets, vocabularySize, type TokenSpec } from "@revq/core";
import { openSafetensors, readNpy, writeNpy, writeSafetensors } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { z } from "zod";

export interface IdsFile {
  /** Codes within their groups, `[n, t]` flat. */
  readonly codes: Int32Array;
  readonly tokens: number;
  /** One an image; empty when the file has none. */
  readonly names: readonly string[];
}

const jsonSchema = z.object({
  tokens: z.int().min(1),
  vocabulary: z.int().min(1),
  offsetGroups: z.boolean(),
  images: z.array(z.object({ name: z.string(), ids: z.array(z.int()) })),
});

export async function writeIds(
  path: string,
  { codes, names }: IdsFile,
  spec: TokenSpec,
  offsetGroups: boolean,
): Promise<void> {
  const t = spec.tokens;
  const offsets = vocabularyOffsets(spec);
  const ids = offsetGroups ? codes.map((code, i) => code + offsets[i % t]!) : codes;
  const shape = [names.length, t];
  const extension = idsExtension(path);
  if (extension === ".json") {
    const images = names.map((name, i) => ({ name, ids: Array.from(ids.subarray(i * t, (i + 1) * t)) }));
    const head = { tokens: t, vocabulary: vocabularySize(spec), offsetGroups };
    const lines = images.map((image) => `    ${JSON.stringify(image)}`).join(",\n");
    const text = `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "images": [\n${lines}\n  ]\n}\n`;
    await writeFileAtomic(path, new TextEncoder().encode(text));
  } else if (extension === ".safetensors") {
    const metadata = { names: JSON.stringify(names), offsetGroups: String(offsetGroups) };
    await writeFileAtomic(path, writeSafetensors([{ name: "ids", shape, data: ids }], metadata));
  } else {
    await writeFileAtomic(path, writeNpy({ shape, data: ids }));
    await writeFileAtomic(`${path}.names.json`, new TextEncoder().encode(`${JSON.stringify(names)}\n`));
  }
}

/** @param offsetGroups whether a `.npy` holds flat ids; the other formats say so themselves */
export async function readIds(path: string, spec: TokenSpec, offsetGroups: boolean): Promise<IdsFile> {
  const extension = idsExtension(path);
  const read = { ".json": readJson, ".safetensors": readSafetensors, ".npy": readNumpy }[extension];
  const { ids, tokens, names, flat } = await read(path, offsetGroups);
  if (tokens !== spec.tokens) {
    throw new RevqError("ids-shape", `${path} has ${tokens} ids an image, the tokenizer has ${spec.tokens} tokens.`, {
      fix: "Decode with the tokenizer that made the ids.",
    });
  }
  const offsets = vocabularyOffsets(spec);
  const codes = flat ? ids.map((id, i) => id - offsets[i % tokens]!) : ids;
  return { codes, tokens, names };
}

interface RawIds {
  readonly ids: Int32Array;
  readonly tokens: number;
  readonly names: readonly string[];
  readonly flat: boolean;
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
  const wrong = images.find(({ ids }) => ids.length !== tokens);
  if (wrong)
    throw new RevqError("ids-shape", `${path}: ${wrong.name} has ${wrong.ids.length} ids, expected ${tokens}.`);
  return {
    ids: Int32Array.from(images.flatMap(({ ids }) => ids)),
    tokens,
    names: images.map(({ name }) => name),
    flat: offsetGroups,
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
    const names = JSON.parse(file.metadata["names"] ?? "[]") as string[];
    return { ...requireIds(path, shape, data), names, flat: file.metadata["offsetGroups"] === "true" };
  } finally {
    await source.close?.();
  }
}

async function readNumpy(path: string, offsetGroups: boolean): Promise<RawIds> {
  const source = await fromFile(path);
  try {
    const { shape, data } = await readNpy(source);
    const names = JSON.parse(await readFile(`${path}.names.json`, "utf8").catch(() => "[]")) as string[];
    return { ...requireIds(path, shape, data), names, flat: offsetGroups };
  } catch (error) {
    if (isRevqError(error) || !(error instanceof SyntaxError)) throw error;
    throw new RevqError("ids-malformed", `${path}.names.json is not JSON.`, {
      fix: "Remove it: names are optional.",
      cause: error,
    });
  } finally {
    await source.close?.();
  }
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
