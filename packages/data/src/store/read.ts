/**
 * A finished latent store as a `LatentSource`: in memory when it is small enough, else read row by
 * row.
 */
import { LatentMoments } from "@revq/numerics";
import {
  latentShapeFromArray,
  latentSize,
  RevqError,
  type LatentShape,
  type LatentSource,
  type Moments,
} from "@revq/core";
import { float16ToFloat32, openSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { inMemoryLatents, requireRow } from "../latents/in-memory.js";
import { channelFirstIndices, toChannelLast } from "../latents/layout.js";
import { OpenFiles } from "./open-files.js";
import { readJson } from "../parts/read-json.js";
import { damaged, manifestFile, planFile, type StorePlan } from "./plan.js";
import { finishedShard, manifestSchema, momentTensors, requirePlan, unfinished, type StoreManifest } from "./write.js";

export interface OpenStoreOptions {
  /**
   * Stores of at most so many bytes as float32 are read into memory; larger ones are read row by
   * row. Default 512 MiB.
   */
  readonly memoryLimit?: number;
}

export interface LatentStore extends LatentSource {
  readonly manifest: StoreManifest;
  /** Names of the images of one shard, one per latent. */
  namesOf(shard: number): Promise<readonly string[]>;
}

/** Runs of rows read from disk at the same time. */
const concurrentReads = 16;

export async function isLatentStore(path: string): Promise<boolean> {
  return (await stat(join(path, planFile)).catch(() => null))?.isFile() ?? false;
}

/**
 * @throws RevqError `not-a-store`, `store-unfinished`, `store-damaged` (a shard of another size),
 * `latents-not-finite` (when the row is read)
 */
export async function openLatentStore(
  folder: string,
  { memoryLimit = 512 * 2 ** 20 }: OpenStoreOptions = {},
): Promise<LatentStore> {
  const manifest = await readManifest(folder);
  const shape = latentShapeFromArray(manifest.latentShape);
  const shards = await Promise.all(manifest.files.map((file) => openShard(folder, manifest, file)));
  const firstRow: number[] = [];
  let count = 0;
  for (const { latents } of manifest.files) {
    firstRow.push(count);
    count += latents;
  }
  const files = new OpenFiles();
  const size = latentSize(shape);
  const shardOf = (row: number): number => {
    let [low, high] = [0, firstRow.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (firstRow[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  async function readRows(shard: number, from: number, rows: number): Promise<Float32Array> {
    const { path, dataOffset } = shards[shard]!;
    const rowBytes = size * (manifest.dtype === "F16" ? 2 : 4);
    const bytes = await files.read(path, dataOffset + from * rowBytes, rows * rowBytes);
    const values =
      manifest.dtype === "F16" ? float16ToFloat32(new Uint16Array(bytes.buffer)) : new Float32Array(bytes.buffer);
    requireFinite(values, path, from, shape);
    return toChannelLast(values, rows, shape);
  }

  const source = count * size * 4 <= memoryLimit ? await readAll() : readByRow();
  return {
    ...source,
    moments,
    manifest,
    namesOf: async (shard) => {
      const header = await openSafetensors(await fromFile(shards[shard]!.path));
      return JSON.parse(header.metadata["names"] ?? "[]") as string[];
    },
  };

  /** Merges the moments of the shards; null when a shard has none. */
  async function moments(): Promise<Moments | null> {
    const joined = new LatentMoments(size);
    const order = channelFirstIndices(shape);
    try {
      for (const { path, momentOffsets, latents } of shards) {
        if (latents === 0) continue;
        if (!momentOffsets) return null;
        const [mean, squares] = await Promise.all(
          momentOffsets.map(async (offset) => {
            const values = new Float64Array((await files.read(path, offset, size * 8)).buffer);
            return Float64Array.from(order, (index) => values[index]!);
          }),
        );
        joined.merge({ count: Float64Array.of(latents), mean: mean!, squares: squares! });
      }
    } finally {
      await files.close();
    }
    return joined;
  }

  async function readAll(): Promise<LatentSource> {
    const all = new Float32Array(count * size);
    for (const [shard, { latents }] of manifest.files.entries()) {
      if (latents > 0) all.set(await readRows(shard, 0, latents), firstRow[shard]! * size);
    }
    await files.close();
    return inMemoryLatents(shape, all);
  }

  function readByRow(): LatentSource {
    return {
      shape,
      count,
      async read(indices) {
        const result = new Float32Array(indices.length * size);
        // Neighbouring rows are one read, so reading in order reads the file once.
        const runs: { at: number; row: number; rows: number }[] = [];
        for (let at = 0; at < indices.length; at++) {
          const row = requireRow(indices[at]!, count);
          const last = runs.at(-1);
          if (last && last.row + last.rows === row && firstRow[shardOf(row)] !== row) last.rows++;
          else runs.push({ at, row, rows: 1 });
        }
        try {
          for (let start = 0; start < runs.length; start += concurrentReads) {
            await Promise.all(
              runs.slice(start, start + concurrentReads).map(async ({ at, row, rows }) => {
                const shard = shardOf(row);
                result.set(await readRows(shard, row - firstRow[shard]!, rows), at * size);
              }),
            );
          }
        } finally {
          await files.close();
        }
        return result;
      },
    };
  }
}

async function readManifest(folder: string): Promise<StoreManifest> {
  const manifest = await readJson(join(folder, manifestFile), manifestSchema, damaged);
  if (manifest) return manifest;
  const plan: StorePlan = await requirePlan(folder);
  const missing: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++)
    if (!(await finishedShard(folder, plan, shard))) missing.push(shard);
  if (missing.length > 0) throw unfinished(folder, plan, missing);
  throw new RevqError("store-unfinished", `${folder} has all its shards, but no ${manifestFile}.`, {
    fix: "Merge the folder: that writes the missing file.",
  });
}

interface OpenShard {
  readonly path: string;
  readonly latents: number;
  readonly dataOffset: number;
  /** In the order of `momentTensors`; null in stores of earlier versions. */
  readonly momentOffsets: readonly number[] | null;
}

async function openShard(
  folder: string,
  { latentShape, dtype }: StoreManifest,
  { file, latents, bytes }: StoreManifest["files"][number],
): Promise<OpenShard> {
  const path = join(folder, file);
  const source = await fromFile(path);
  if (source.size !== bytes) throw damaged(path, `it has ${source.size} bytes of ${bytes}`);
  const { tensors } = await openSafetensors(source);
  const info = tensors.get("latents");
  if (!info || info.dtype !== dtype || JSON.stringify(info.shape) !== JSON.stringify([latents, ...latentShape])) {
    throw damaged(path, `it does not hold ${latents} latents [${latentShape}] of ${dtype}`);
  }
  const moments = momentTensors.map((name) => tensors.get(`moments.${name}`));
  const known = moments.every(
    (tensor) => tensor?.dtype === "F64" && JSON.stringify(tensor.shape) === JSON.stringify(latentShape),
  );
  return {
    path,
    latents,
    dataOffset: info.offset,
    momentOffsets: known ? moments.map((tensor) => tensor!.offset) : null,
  };
}

function requireFinite(values: Float32Array, path: string, from: number, shape: LatentShape): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const row = from + Math.floor(bad / latentSize(shape));
  throw new RevqError("latents-not-finite", `${path}: latent ${row} holds ${values[bad]}.`, {
    fix: "If it was encoded in float16, encode in float32: float16 overflows above 65504.",
  });
}
