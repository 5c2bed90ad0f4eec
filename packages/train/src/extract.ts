/**
 * Images to latents, shard by shard into a latent store. A shard that is there is not made again, so a run that was stopped goes on
 * where it was; batches never cross shards, so the latents are the same bits whether it was stopped or not.
 */
import {
  isRevqError,
  latentShapeFromArray,
  latentShapeOf,
  latentShapeToArray,
  latentSize,
  type Backbone,
  type FitContext,
} from "@revq/core";
import {
  beginStore,
  finishedShard,
  planStore,
  shardRange,
  writeShard,
  type IndexedImageSource,
  type Shard,
  type StorePlan,
} from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";

/** What a store's key says: latents of other keys do not belong together. */
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

export interface ExtractToStoreInput extends Omit<ExtractInput, "plan" | "shards"> {
  readonly key: StoreKey;
  readonly dtype: StorePlan["dtype"];
  readonly imagesPerShard?: number;
  /** The part of several processes that this one makes: every `count`-th shard from `index` on. Default: all. */
  readonly part?: { readonly index: number; readonly count: number };
}

/** Plans the store, begins it or goes on with it, and makes the shards of this process. Joining them is `joinStore`'s. */
export async function extractToStore(
  { key, dtype, imagesPerShard, part = { index: 0, count: 1 }, ...input }: ExtractToStoreInput,
  context: Pick<FitContext, "signal" | "report">,
): Promise<ExtractReport & { readonly plan: StorePlan }> {
  const { images, backbone, folder } = input;
  const sizes = await images.sizes();
  const listed = images.names.map((name, i) => ({ name, bytes: sizes[i]! }));
  const plan = planStore({
    key,
    latentShape: latentShapeToArray(latentShapeOf(backbone.spec, images.size)),
    dtype,
    source: images.description,
    images: listed,
    ...(imagesPerShard === undefined ? {} : { imagesPerShard }),
  });
  await beginStore(folder, plan, listed);
  const shards = Array.from({ length: plan.shards }, (_, shard) => shard).filter(
    (shard) => shard % part.count === part.index,
  );
  return { ...(await extractShards({ ...input, plan, shards }, context)), plan };
}

export interface ExtractInput {
  readonly backbone: Backbone;
  /** The images that the plan was made for. */
  readonly images: IndexedImageSource;
  readonly folder: string;
  readonly plan: StorePlan;
  /** Which shards to make; default all. */
  readonly shards?: readonly number[];
  /** Images per call of the backbone. */
  readonly encodeBatch: number;
  /** For the progress display. */
  readonly phase: string;
}

export interface ExtractReport {
  /** Shards that were there already. */
  readonly kept: number;
  readonly made: number;
  readonly skipped: Shard["skipped"];
}

/** Makes what is missing. Aborting throws `signal.reason`; finished shards stay. */
export async function extractShards(
  input: ExtractInput,
  { signal, report }: Pick<FitContext, "signal" | "report">,
): Promise<ExtractReport> {
  const { folder, plan, phase } = input;
  const shards = input.shards ?? Array.from({ length: plan.shards }, (_, shard) => shard);
  const rangeOf = (shard: number): [number, number] => shardRange(shard, plan);
  const total = shards.reduce((sum, shard) => sum + rangeOf(shard)[1] - rangeOf(shard)[0], 0);
  const skipped: Shard["skipped"][number][] = [];
  let [done, kept] = [0, 0];
  for (const shard of shards) {
    signal.throwIfAborted();
    const [from, to] = rangeOf(shard);
    const finished = await finishedShard(folder, plan, shard);
    if (finished) {
      kept++;
      skipped.push(...finished.skipped);
    } else {
      const encoded = await encodeRange(input, [from, to], signal, (images) =>
        report({ phase, done: done + images, total }),
      );
      await writeShard(folder, plan, shard, encoded);
      skipped.push(...encoded.skipped);
    }
    done += to - from;
    report({ phase, done, total });
  }
  return { kept, made: shards.length - kept, skipped };
}

async function encodeRange(
  { backbone, images, plan, encodeBatch }: ExtractInput,
  [from, to]: readonly [number, number],
  signal: AbortSignal,
  onBatch: (images: number) => void,
): Promise<Shard> {
  const size = latentSize(latentShapeFromArray(plan.latentShape));
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
    // A shard of broken images alone is an empty shard; that there is at least one image is for the store to check.
    if (!isRevqError(error) || error.code !== "data-no-images") throw error;
  }
  return { rows: rows.subarray(0, names.length * size), names, skipped: [...range.skipped] };
}
