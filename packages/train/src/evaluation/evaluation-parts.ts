/**
 * An evaluation that several processes share. Each measures one range of the data and writes the
 * state of its accumulators (float64) into one folder. Joined, they give the metrics of one
 * process, up to rounding.
 */
import { RevqError, sameLatentShape, underPrefix, withPrefix, type LatentSource } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";
import { fromBuffer, openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile, sha256, writeFileAtomic } from "@revq/formats/node";
import type { SavedStatistics } from "@revq/numerics";
import { serializeTokenizer, type Tokenizer } from "@revq/tokenizer";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { doPart, rangeOfPart, type Part, type PartOutcome, type SharedJob } from "@revq/data";
import type { TokenizerMetrics } from "../run/records.js";
import { gatherParts, holdsParts, PartFiles, type PartFormat } from "../parts/part-files.js";
import { measuredShape, summarizeMetrics, type MeasuredTokenizer, type MetricAccumulators } from "./accumulators.js";
import { accumulateImages } from "./evaluate-images.js";
import { accumulateLatents, type EvaluateOptions } from "./evaluate-latents.js";
import { ImageMetricsAccumulator, networksFor, type MetricNetworks } from "./image-accumulator.js";
import { LatentMetricsAccumulator } from "./latent-accumulator.js";
import { selectRows } from "./latent-batches.js";

const count = z.int().min(0);
const positive = z.int().min(1);

/** What all parts of one evaluation agree on. */
const evaluationKeySchema = z.strictObject({
  formatVersion: z.literal(5),
  /** Hash of the tokenizer's files. */
  tokenizer: z.string(),
  /** Hash of the list of images, or of the latents' count and shape. */
  data: z.string(),
  /** Images or latents of all parts together. */
  expected: positive,
  /** Everything that was found in the data, and what of it is no image. */
  found: count,
  passedOver: count,
  parts: positive,
  /** Side of the images; null for latents. */
  imageSize: positive.nullable(),
  /** The networks that measure. Paths of their files differ from machine to machine. */
  networks: z.array(z.string()),
  /** The tokenizer's decoder is adapted; the backbone's own one is measured too. */
  adapted: z.boolean(),
  latentShape: z.strictObject({ channels: positive, height: positive, width: positive }),
  codebookSizes: z.array(positive),
  groupOf: z.array(count),
  /** Where tokens lie; null if they make no grid. */
  grid: z.strictObject({ shape: z.tuple([positive, positive, positive]), positions: z.array(count) }).nullable(),
  bitsPerImage: z.number(),
  channelShares: z.array(z.number()).nullable(),
});
export type EvaluationKey = z.output<typeof evaluationKeySchema>;

const headerSchema = z.strictObject({ key: evaluationKeySchema, part: count });

const evaluationFormat: PartFormat<EvaluationKey, SavedStatistics> = {
  job: "evaluation",
  extension: "safetensors",
  parts: (key) => key.parts,
  encode(header, state) {
    const tensors = Object.entries(state).map(([name, data]) => ({ name, shape: [data.length], data }));
    return writeSafetensors(tensors, { evaluation: JSON.stringify(header) });
  },
  async decodeHeader(path) {
    const { metadata } = await openSafetensors(await fromFile(path));
    return headerSchema.parse(JSON.parse(metadata["evaluation"] ?? "null"));
  },
  async decodeResult(path) {
    const { tensors, read } = await openSafetensors(fromBuffer(path, await readFile(path)));
    const state: Record<string, Float64Array> = {};
    for (const name of tensors.keys()) {
      const { data } = await read(name);
      if (!(data instanceof Float64Array)) throw new Error(`${name} is not float64`);
      state[name] = data;
    }
    return state;
  },
};

/** The metrics of all parts, with what became of the data: `found` is used, skipped or passed over. */
export interface JoinedMetrics extends TokenizerMetrics {
  readonly found: number;
  /** How many; the parts have named them. */
  readonly skipped: number;
  readonly passedOver: number;
}

export interface JoinedEvaluation extends MeasuredTokenizer {
  readonly metrics: JoinedMetrics;
  readonly key: EvaluationKey;
}

export type EvaluatedSource = { readonly images: IndexedImageSource } | { readonly latents: LatentSource };

export interface EvaluatePartOptions extends EvaluateOptions {
  readonly networks?: MetricNetworks;
}

/** True when the folder holds a part of an evaluation. */
export async function holdsEvaluationParts(folder: string): Promise<boolean> {
  return holdsParts(folder, evaluationFormat);
}

/**
 * Measures one part, unless its result exists; the last part to finish joins them all. Throws what
 * joining throws.
 */
export async function evaluatePart(
  folder: string,
  part: Part,
  tokenizer: Tokenizer,
  source: EvaluatedSource,
  options: EvaluatePartOptions,
): Promise<PartOutcome<JoinedEvaluation>> {
  const key = await evaluationKey(part, tokenizer, source, options.networks ?? {});
  const files = new PartFiles(folder, evaluationFormat, key);
  const job: SharedJob<SavedStatistics, JoinedEvaluation> = {
    units: part.count,
    begin: async () => void (await mkdir(folder, { recursive: true })),
    write: (unit, state) => files.write(unit, state),
    missing: () => files.missing(),
    join: () => joinEvaluation([folder], folder),
  };
  const measure = async (): Promise<SavedStatistics> => {
    const [from, to] = rangeOfPart(part, key.expected);
    const rows = Array.from({ length: to - from }, (_, i) => from + i);
    const ofRange = { ...options, range: { expected: key.expected, first: from } };
    const { latents, images } =
      "images" in source
        ? (await accumulateImages(tokenizer, source.images.select(rows), ofRange)).accumulators
        : await accumulateLatents(tokenizer, selectRows(source.latents, rows), ofRange);
    return { ...withPrefix("latents", latents.state()), ...withPrefix("images", images?.state() ?? {}) };
  };
  return doPart(job, part, measure, options.signal);
}

/**
 * Joins all parts and writes `evaluation.json` into `out`. Joining again gives the same.
 * Throws `evaluation-unfinished`, `evaluation-mixed`, `evaluation-damaged`, `no-codes`.
 */
export async function joinEvaluation(folders: readonly string[], out: string): Promise<JoinedEvaluation> {
  const { key, results } = await gatherParts(folders, evaluationFormat);
  const accumulators = emptyAccumulators(key);
  for (const state of results) {
    accumulators.latents.merge(underPrefix("latents", state));
    accumulators.images?.merge(underPrefix("images", state));
  }
  const measured = summarizeMetrics(accumulators);
  const { found, passedOver } = key;
  const skipped = found - passedOver - measured.metrics.images;
  const joined = { key, ...measured, metrics: { ...measured.metrics, found, skipped, passedOver } };
  await mkdir(out, { recursive: true });
  await writeFileAtomic(join(out, "evaluation.json"), `${JSON.stringify(joined.metrics, null, 2)}\n`);
  return joined;
}

async function evaluationKey(
  part: Part,
  tokenizer: Tokenizer,
  source: EvaluatedSource,
  networks: MetricNetworks,
): Promise<EvaluationKey> {
  const { latentShape, layout, grid, bitsPerImage, channelShares } = measuredShape(tokenizer);
  const ofImages = "images" in source;
  if (!ofImages && !sameLatentShape(latentShape, source.latents.shape)) {
    throw new RevqError("latent-shape", "The latents do not have the shape that the tokenizer was trained on.", {
      fix: "Use latents of the tokenizer's backbone and image size.",
      setting: { path: "data.latents" },
    });
  }
  const { lpips, inception } = ofImages ? networksFor(source.images.size, networks) : {};
  const files = Object.entries(await serializeTokenizer(tokenizer));
  return {
    formatVersion: 5,
    tokenizer: sha256(files.map(([name, bytes]) => `${name} ${sha256(bytes)}`).join("\n")),
    data: sha256(
      ofImages
        ? JSON.stringify([source.images.names, await source.images.sizes()])
        : JSON.stringify([source.latents.count, source.latents.shape]),
    ),
    expected: ofImages ? source.images.count : source.latents.count,
    found: ofImages ? source.images.found : source.latents.count,
    passedOver: ofImages ? source.images.passedOver : 0,
    parts: part.count,
    imageSize: ofImages ? source.images.size : null,
    networks: [...(lpips ? [`lpips-${lpips.network}`] : []), ...(inception ? ["inception"] : [])],
    adapted: tokenizer.parts.decoder !== null,
    latentShape,
    codebookSizes: [...layout.codebookSizes],
    groupOf: Array.from(layout.groupOf),
    grid: grid && { shape: [...grid.shape], positions: Array.from(grid.positions) },
    bitsPerImage,
    channelShares: channelShares && [...channelShares],
  };
}

function emptyAccumulators(key: EvaluationKey): MetricAccumulators {
  const {
    expected,
    imageSize,
    networks,
    adapted,
    latentShape,
    codebookSizes,
    groupOf,
    grid,
    bitsPerImage,
    channelShares,
  } = key;
  const layout = { count: groupOf.length, codebookSizes, groupOf: Int32Array.from(groupOf) };
  const inception = networks.includes("inception");
  return {
    latents: new LatentMetricsAccumulator(
      { latentShape, layout, grid, bitsPerImage, channelShares },
      { expected, first: 0 },
    ),
    images:
      imageSize === null
        ? null
        : new ImageMetricsAccumulator({
            size: imageSize,
            networks: {},
            range: { expected, first: 0 },
            adapted,
            inception,
          }),
  };
}
