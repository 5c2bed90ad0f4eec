/** Latents in one array of a file, whatever its format. */
import { latentSize, RevqError, type LatentShape, type LatentSource } from "@revq/core";
import { inMemoryLatents, requireRow } from "./in-memory.js";
import { toChannelLast } from "./layout.js";

export interface OpenLatentsOptions {
  /**
   * Files of at most so many bytes as float32 are read into memory; larger ones are read row by
   * row. Default 512 MiB.
   */
  readonly memoryLimit?: number;
}

/** An array `[n, c, h, w]` in a file. */
export interface ArrayRows {
  /** For messages. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly isFloat: boolean;
  /** For messages: int32. */
  readonly dtype: string;
  /** Float32 rows along the first axis. */
  readRows(start: number, count: number): Promise<Float32Array>;
}

/** Rows read from disk at the same time. */
const concurrentReads = 16;

export const latentsFix = "Save latents as an array [n, c, h, w] of floating point, as a PyTorch encoder gives them.";

/**
 * @throws RevqError `latents-shape` (not four axes, or empty), `latents-dtype` (not floating
 * point), `latents-not-finite` (NaN or infinity, when the row is read)
 */
export async function latentsOfRows(
  file: ArrayRows,
  { memoryLimit = 512 * 2 ** 20 }: OpenLatentsOptions = {},
): Promise<LatentSource> {
  const shape = latentShape(file);
  const count = file.shape[0]!;
  const size = latentSize(shape);
  if (count * size * 4 <= memoryLimit) return inMemoryLatents(shape, await readLatents(file, shape, 0, count));
  return {
    shape,
    count,
    async read(indices) {
      const result = new Float32Array(indices.length * size);
      for (let start = 0; start < indices.length; start += concurrentReads) {
        const some = Array.from({ length: Math.min(concurrentReads, indices.length - start) }, (_, i) => start + i);
        await Promise.all(
          some.map(async (i) => {
            result.set(await readLatents(file, shape, requireRow(indices[i]!, count), 1), i * size);
          }),
        );
      }
      return result;
    },
  };
}

function latentShape({ name, shape, dtype, isFloat }: ArrayRows): LatentShape {
  if (!isFloat) {
    throw new RevqError("latents-dtype", `${name} holds ${dtype}; latents are floating point.`, { fix: latentsFix });
  }
  const [count, channels, height, width] = shape;
  if (shape.length !== 4 || !count || !channels || !height || !width) {
    const what = shape.length === 4 ? "it is empty" : `it has ${shape.length} axes instead of 4`;
    throw new RevqError("latents-shape", `${name} has shape [${shape}]: ${what}.`, { fix: latentsFix });
  }
  return { channels, height, width };
}

async function readLatents(file: ArrayRows, shape: LatentShape, start: number, count: number): Promise<Float32Array> {
  const rows = await file.readRows(start, count);
  const bad = rows.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return toChannelLast(rows, count, shape);
  throw new RevqError(
    "latents-not-finite",
    `${file.name}: latent ${start + Math.floor(bad / latentSize(shape))} holds ${rows[bad]}.`,
    { fix: "Leave such latents out, or encode the images in float32: float16 overflows above 65504." },
  );
}
