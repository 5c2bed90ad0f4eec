/** Images in class folders, one of them broken, and a job over them. */
import { openImages, openSynthetic, wholeJob, writePng, type Part } from "@revq/data";
import type { Tokenizer } from "@revq/tokenizer";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  imageSamples,
  openCaptions,
  openLabels,
  tokenizeDataset,
  type Augmentation,
  type DatasetFormatId,
  type TokenizeInput,
  type TokenizeOutcome,
} from "../src/index.js";

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "revq-dataset-"));
}

/** `cats/00.png`, `dogs/01.png`, … and `dogs/broken.png`. */
export async function makePhotos(folder: string, count: number, size = 32): Promise<void> {
  for (const name of ["cats", "dogs"]) mkdirSync(join(folder, name), { recursive: true });
  let i = 0;
  for await (const { pixels } of openSynthetic("synthetic:dead-leaves", { size, count }).batches(1)) {
    await writePng(join(folder, i % 2 ? "dogs" : "cats", `${String(i).padStart(2, "0")}.png`), {
      width: size,
      height: size,
      pixels,
    });
    i++;
  }
  const png = readFileSync(join(folder, "dogs/01.png"));
  writeFileSync(join(folder, "dogs/broken.png"), png.subarray(0, png.length / 2));
}

export interface JobOptions {
  readonly format: DatasetFormatId;
  readonly augment?: Augmentation;
  readonly effort?: number;
  readonly part?: Part;
  /** Images per shard. */
  readonly perShard?: number;
  readonly change?: Partial<TokenizeInput>;
  readonly signal?: AbortSignal;
}

export async function tokenize(
  photos: string | readonly string[],
  folder: string,
  tokenizer: Tokenizer,
  { format, augment = "none", effort, part = wholeJob, perShard = 4, change, signal }: JobOptions,
): Promise<TokenizeOutcome> {
  const images = await openImages(photos, { size: 1 });
  const source = imageSamples({ images, tokenizer, augment, effort, batch: 3 });
  return tokenizeDataset(
    folder,
    {
      tokenizer,
      source,
      format,
      vocabulary: tokenizer.vocabulary(),
      labels: await openLabels(source, "auto"),
      captions: openCaptions(source),
      imagesPerShard: perShard,
      ...change,
    },
    part,
    { signal: signal ?? new AbortController().signal, report: () => {} },
  );
}

/** Every file of a folder by relative path. */
export function filesOf(folder: string): Map<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name))]));
}
