/** `revq eval --shard i/n -o FOLDER`: one part of an evaluation, and the joining of all. */
import { RevqError, sameLatentShape, type LatentSource } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";
import { writeFileAtomic } from "@revq/formats/node";
import { serializeTokenizer, type Tokenizer } from "@revq/tokenizer";
import {
  hasScorePart,
  joinScoreParts,
  partRange,
  scoredShape,
  scoreImages,
  scoreLatents,
  writeScorePart,
  type EvaluateOptions,
  type EvaluationKey,
  type JoinedScores,
} from "@revq/train";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFolder } from "../output/output-paths.js";
import { evaluationText } from "./results-table.js";
import type { ShardPart } from "../parts/part-of-process.js";

export interface EvalPart {
  readonly folder: string;
  readonly part: ShardPart;
  /** Which networks measure. */
  readonly networks: readonly string[];
}

export interface EvalPartOutcome {
  /** This part was there already. */
  readonly kept: boolean;
  /** Null while parts of others are missing. */
  readonly joined: JoinedScores | null;
}

/** Throws `shard-without-out`. */
export function requirePartFolder(part: ShardPart, folder: string | undefined): string {
  if (folder !== undefined) return folder;
  throw new RevqError(
    "shard-without-out",
    `Part ${part.index} of ${part.count} (from ${part.from}) has nowhere to leave what it measures.`,
    { fix: "Name a folder that all parts share: -o FOLDER. To score everything here: --shard 0/1.", exitCode: 2 },
  );
}

/** Scores the part unless it is there; the last part to finish joins them all. */
export async function evalPart(
  { folder, part, networks }: EvalPart,
  tokenizer: Tokenizer,
  source: { readonly images: IndexedImageSource } | { readonly latents: LatentSource },
  options: EvaluateOptions,
): Promise<EvalPartOutcome> {
  await makeFolder(folder);
  const ofImages = "images" in source;
  const { count } = ofImages ? source.images : source.latents;
  const { latentShape, tokens, bitsPerImage } = scoredShape(tokenizer);
  if (!ofImages && !sameLatentShape(latentShape, source.latents.shape)) {
    throw new RevqError("latent-shape", "The latents are not of the shape that the tokenizer was trained on.", {
      fix: "Give it latents of its own backbone and image size.",
    });
  }
  const key: EvaluationKey = {
    formatVersion: 1,
    tokenizer: digest(Object.entries(await serializeTokenizer(tokenizer)).flat()),
    data: digest(
      ofImages
        ? [JSON.stringify(source.images.names), JSON.stringify(await source.images.sizes())]
        : [JSON.stringify([count, source.latents.shape])],
    ),
    expected: count,
    parts: part.count,
    imageSize: ofImages ? source.images.size : null,
    networks: [...networks],
    latentShape,
    codes: [...tokens.codes],
    groupOf: Array.from(tokens.groupOf),
    bitsPerImage,
  };
  const kept = await hasScorePart(folder, key, part.index);
  if (!kept) {
    const [from, to] = partRange(part.index, key);
    const rows = Array.from({ length: to - from }, (_, i) => from + i);
    const ofPart = { ...options, part: { expected: count, first: from } };
    const scores = ofImages
      ? (await scoreImages(tokenizer, source.images.select(rows), ofPart)).scores
      : await scoreLatents(tokenizer, rowsOf(source.latents, rows), ofPart);
    await writeScorePart(folder, key, part.index, scores);
  }
  try {
    return { kept, joined: await joinParts([folder], folder) };
  } catch (error) {
    if (error instanceof RevqError && error.code === "evaluation-unfinished") return { kept, joined: null };
    throw error;
  }
}

/** Writes `evaluation.json` into `out`; doing it again gives the same. Throws what `joinScoreParts` throws. */
export async function joinParts(folders: readonly string[], out: string): Promise<JoinedScores> {
  const joined = await joinScoreParts(folders);
  await makeFolder(out);
  await writeFileAtomic(join(out, "evaluation.json"), `${JSON.stringify(joined.evaluation, null, 2)}\n`);
  return joined;
}

export function joinedText({ evaluation, key }: JoinedScores): string {
  return evaluationText(evaluation, `${evaluation.images} ${key.imageSize === null ? "latents" : "images"}`);
}

function rowsOf(source: LatentSource, rows: readonly number[]): LatentSource {
  return {
    shape: source.shape,
    count: rows.length,
    read: (indices) => source.read(Array.from(indices, (index) => rows[index]!)),
  };
}

function digest(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}
