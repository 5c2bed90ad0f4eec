/**
 * An evaluation that several processes share: each scores a run of the images and leaves `part-00003-of-00016.safetensors` (what its
 * accumulators have seen, float64) in one folder; joined, the parts give what one process would have measured, but for the last digits.
 */
import { RevqError, underPrefix, withPrefix } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";
import { fromBuffer, openSafetensors, writeSafetensors, type Safetensors } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { summarizeScores, type Scored, type Scores } from "../evaluate.js";
import { ImageScore } from "./image-score.js";
import { LatentScore } from "./latent-score.js";

const count = z.int().min(0);
const positive = z.int().min(1);

/** What all parts of one evaluation agree on. */
export const evaluationKeySchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Digest of the tokenizer's files. */
  tokenizer: z.string(),
  /** Digest of the list of images, or of the latents' count and shape. */
  data: z.string(),
  /** Images or latents of all parts together. */
  expected: positive,
  parts: positive,
  /** Side of the images; null for latents. */
  imageSize: positive.nullable(),
  /** Which networks measure; their files' places are each machine's own. */
  networks: z.array(z.string()),
  latentShape: z.strictObject({ channels: positive, height: positive, width: positive }),
  codes: z.array(positive),
  groupOf: z.array(count),
  bitsPerImage: z.number(),
});
export type EvaluationKey = z.output<typeof evaluationKeySchema>;

const headerSchema = z.strictObject({ key: evaluationKeySchema, part: count });

export function partFile(part: number, parts: number): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return `part-${digits(part)}-of-${digits(parts)}.safetensors`;
}

const partPattern = /^part-(\d{5})-of-(\d{5})\.safetensors$/;

/** True when the folder holds a part of an evaluation. */
export async function holdsScoreParts(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).some((name) => partPattern.test(name));
}

/** Positions of the images of a part: from, to (exclusive). */
export function partRange(
  part: number,
  { expected, parts }: Pick<EvaluationKey, "expected" | "parts">,
): [number, number] {
  return [Math.floor((part * expected) / parts), Math.floor(((part + 1) * expected) / parts)];
}

export async function writeScorePart(folder: string, key: EvaluationKey, part: number, scores: Scores): Promise<void> {
  const state: SavedStatistics = {
    ...withPrefix("latents", scores.latents.state()),
    ...withPrefix("images", scores.images?.state() ?? {}),
  };
  const tensors = Object.entries(state).map(([name, data]) => ({ name, shape: [data.length], data }));
  const bytes = writeSafetensors(tensors, { evaluation: JSON.stringify({ key, part }) });
  await writeFileAtomic(join(folder, partFile(part, key.parts)), bytes);
}

/** True when this part of this evaluation is there already. Throws `evaluation-mixed` when another evaluation's is. */
export async function hasScorePart(folder: string, key: EvaluationKey, part: number): Promise<boolean> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!partPattern.test(name)) continue;
    const path = join(folder, name);
    requireSameKey(folder, key, (await openPart(path)).header.key, path);
    if (name === partFile(part, key.parts)) return true;
  }
  return false;
}

export interface JoinedScores extends Scored {
  readonly key: EvaluationKey;
}

/**
 * Checks that every part is there, once, of one evaluation, and joins them. The same part in two folders counts once if it is the same.
 * Throws `evaluation-unfinished`, `evaluation-mixed`, `evaluation-damaged`, `no-codes`.
 */
export async function joinScoreParts(folders: readonly string[]): Promise<JoinedScores> {
  const found = new Map<number, string>();
  let key: EvaluationKey | undefined;
  for (const folder of folders) {
    for (const name of (await readdir(folder)).filter((name) => partPattern.test(name)).sort()) {
      const path = join(folder, name);
      const { header } = await openPart(path);
      key ??= header.key;
      requireSameKey(folder, key, header.key, path);
      if (name !== partFile(header.part, key.parts)) throw damaged(path, `it holds part ${header.part}`);
      const before = found.get(header.part);
      if (before !== undefined && (await digestOf(before)) !== (await digestOf(path))) {
        throw new RevqError("evaluation-mixed", `${path} and ${before} are the same part and differ.`, {
          fix: "Remove one of the two.",
        });
      }
      if (before === undefined) found.set(header.part, path);
    }
  }
  if (!key) {
    throw new RevqError("not-an-evaluation", `${folders.join(", ")} hold no part of an evaluation.`, {
      fix: "Name folders that `revq eval --shard i/n -o FOLDER` wrote.",
    });
  }
  const missing = Array.from({ length: key.parts }, (_, part) => part).filter((part) => !found.has(part));
  if (missing.length > 0) {
    const shown = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ", …" : "");
    throw new RevqError(
      "evaluation-unfinished",
      `${missing.length} of ${key.parts} parts of the evaluation are missing (${shown}).`,
      { fix: `Run them: revq eval … --shard ${missing[0]}/${key.parts}` },
    );
  }
  const scores = emptyScores(key);
  for (let part = 0; part < key.parts; part++) {
    const state = await readPart(found.get(part)!);
    scores.latents.merge(underPrefix("latents", state));
    scores.images?.merge(underPrefix("images", state));
  }
  return { key, ...summarizeScores(scores) };
}

function emptyScores(key: EvaluationKey): Scores {
  const { expected, imageSize, networks, latentShape, codes, groupOf, bitsPerImage } = key;
  const tokens = { tokens: groupOf.length, codes, groupOf: Int32Array.from(groupOf) };
  return {
    latents: new LatentScore({ latentShape, tokens, bitsPerImage }, expected),
    images:
      imageSize === null ? null : new ImageScore(imageSize, {}, { expected, first: 0 }, networks.includes("inception")),
  };
}

async function openPart(path: string): Promise<{ file: Safetensors; header: z.output<typeof headerSchema> }> {
  try {
    const file = await openSafetensors(await fromFile(path));
    return { file, header: headerSchema.parse(JSON.parse(file.metadata["evaluation"] ?? "null")) };
  } catch (cause) {
    throw damaged(path, "it is not what `revq eval --shard` writes", cause);
  }
}

async function readPart(path: string): Promise<SavedStatistics> {
  const { tensors, read } = await openSafetensors(fromBuffer(path, await readFile(path)));
  const state: Record<string, Float64Array> = {};
  for (const name of tensors.keys()) {
    const { data } = await read(name);
    if (!(data instanceof Float64Array)) throw damaged(path, `${name} is not float64`);
    state[name] = data;
  }
  return state;
}

function requireSameKey(folder: string, first: EvaluationKey, other: EvaluationKey, path: string): void {
  const names = Object.keys(first) as (keyof EvaluationKey)[];
  const different = names.filter((name) => JSON.stringify(first[name]) !== JSON.stringify(other[name]));
  if (different.length === 0) return;
  throw new RevqError("evaluation-mixed", `${path} is of another evaluation: ${different.join(", ")} differ.`, {
    fix: `Tokenizer, images, networks and number of parts must be the same for all parts; use another folder than ${folder}, or remove that file.`,
  });
}

function damaged(path: string, why: string, cause?: unknown): RevqError {
  return new RevqError("evaluation-damaged", `${path} cannot be used: ${why}.`, {
    fix: "Remove that file and run its part again.",
    cause,
  });
}

async function digestOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
