/**
 * Images to latents, shard by shard into a latent store. Existing shards are kept, so a stopped run
 * goes on where it was. Batches never cross shards, so the latents are the same bits whether it was
 * stopped or not.
 */
import { isRevqError, latentShapeOf, latentShapeToArray, latentSize, type Backbone, type FitContext } from "@revq/core";
import {
  beginStore,
  doPart,
  finishedShard,
  joinStore,
  planStore,
  shardRange,
  unitsOfPart,
  writeShard,
  type IndexedImageSource,
  type ListedImage,
  type Part,
  type PartOutcome,
  type Shard,
  type SharedJob,
  type StoreManifest,
  type StorePlan,
} from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";

/** The key of a store: latents of different keys do not belong together. */
export interface StoreKey {
  readonly [name: string]: unknown;
  readonly backbone: {
    readonly id: string;
    readonly options: Readonly<Record<string, unknown>>;
    /** SHA-256 of its weights. */
    readonly fingerprint: string;
  };
  readonly imageSize: number;
  readonly preprocessing: string;
}

/** How images become pixels; part of the key. */
export const preprocessing = "centre crop, Lanczos, [-1, 1]";

export interface ExtractInput {
  readonly backbone: Backbone;
  readonly images: IndexedImageSource;
  /** The store. */
  readonly folder: string;
  readonly key: StoreKey;
  readonly dtype: StorePlan["dtype"];
  readonly imagesPerShard?: number;
  /** Images per call of the backbone. */
  readonly encodeBatch: number;
  /** For the progress display. */
  readonly phase: string;
}

/** Counts are shards of this part. */
export interface ExtractOutcome extends PartOutcome<StoreManifest> {
  readonly plan: StorePlan;
  readonly skipped: Shard["skipped"];
}

/**
 * Plans the store, or goes on with it, and makes the missing shards of this part; the last part to
 * finish joins the store.
 */
export async function extractToStore(
  input: ExtractInput,
  part: Part,
  { signal, report }: Pick<FitContext, "signal" | "report">,
): Promise<ExtractOutcome> {
  const { images, backbone, folder, phase } = input;
  const sizes = await images.sizes();
  // Made when it is needed, not kept: there may be millions.
  const listed = (): ListedImage[] => images.names.map((name, i) => ({ name, bytes: sizes[i]! }));
  const plan = planStore({
    key: input.key,
    latentShape: latentShapeToArray(latentShapeOf(backbone.spec, images.size)),
    dtype: input.dtype,
    source: images.description,
    images: listed(),
    ...(input.imagesPerShard === undefined ? {} : { imagesPerShard: input.imagesPerShard }),
  });
  const job: SharedJob<Shard, StoreManifest> = {
    units: plan.shards,
    begin: () => beginStore(folder, plan, listed()),
    write: async (shard, content) => void (await writeShard(folder, plan, shard, content)),
    missing: () => missingShards(folder, plan),
    join: () => joinStore(folder),
  };
  const shards = unitsOfPart(part, plan.shards);
  const imagesOf = (shard: number): number => shardRange(shard, plan)[1] - shardRange(shard, plan)[0];
  const total = shards.reduce((sum, shard) => sum + imagesOf(shard), 0);
  /** Images of the shards of this part before this one. */
  const before = (shard: number): number =>
    shards.reduce((sum, other) => sum + (other < shard ? imagesOf(other) : 0), 0);
  const encode = (shard: number): Promise<Shard> =>
    encodeRange(input, shardRange(shard, plan), signal, (done) => report({ phase, done: before(shard) + done, total }));
  const outcome = await doPart(job, part, encode, signal);
  report({ phase, done: total, total });
  const records = await Promise.all(shards.map((shard) => finishedShard(folder, plan, shard)));
  return { ...outcome, plan, skipped: records.flatMap((record) => record?.skipped ?? []) };
}

async function missingShards(folder: string, plan: StorePlan): Promise<number[]> {
  const missing: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++) {
    if (!(await finishedShard(folder, plan, shard))) missing.push(shard);
  }
  return missing;
}

async function encodeRange(
  { backbone, images, encodeBatch }: ExtractInput,
  [from, to]: readonly [number, number],
  signal: AbortSignal,
  onBatch: (images: number) => void,
): Promise<Shard> {
  const size = latentSize(latentShapeOf(backbone.spec, images.size));
  const range = images.select(Array.from({ length: to - from }, (_, i) => from + i));
  const rows = new Float32Array(range.count * size);
  const names: string[] = [];
  try {
    for await (const batch of range.batches(encodeBatch)) {
      signal.throwIfAborted();
      const pixels = tf.tensor4d(batch.pixels, [batch.names.length, batch.size, batch.size, 3]);
      const latents = await backbone.encode(pixels);
      rows.set((await latents.data()) as Float32Array, names.length * size);
      tf.dispose([pixels, latents]);
      names.push(...batch.names);
      onBatch(names.length + range.skipped.length);
    }
  } catch (error) {
    // A shard of unreadable images is an empty shard. The store itself refuses to be empty.
    if (!isRevqError(error) || error.code !== "data-no-images") throw error;
  }
  return { rows: rows.subarray(0, names.length * size), names, skipped: [...range.skipped] };
}
