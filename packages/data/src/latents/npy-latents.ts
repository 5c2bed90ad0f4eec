/**
 * Latents in `.npy` files: `[n, c, h, w]` of float16, float32 or float64, the layout of a PyTorch
 * encoder's output. `@revq/formats` reads and writes the format itself.
 */
import { latentSize, RevqError, type LatentShape, type LatentSource } from "@revq/core";
import { npyHeader, openNpy, type NpyFile } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { inMemoryLatents, requireRow } from "./in-memory.js";
import { toChannelFirst, toChannelLast } from "./layout.js";

export interface NpyLatentsOptions {
  /**
   * Files of at most so many bytes as float32 are read into memory; larger ones are read row by
   * row. Default 512 MiB.
   */
  readonly memoryLimit?: number;
}

/** Rows read from disk at the same time. */
const concurrentReads = 16;
const rowsPerWrite = 256;

/**
 * @throws RevqError `latents-shape` (not four axes, or empty), `latents-dtype` (not floating
 * point), `latents-not-finite` (NaN or infinity, when the row is read), and `npy-*`, `file-*` of
 * `@revq/formats`
 */
export async function openLatentsNpy(
  path: string,
  { memoryLimit = 512 * 2 ** 20 }: NpyLatentsOptions = {},
): Promise<LatentSource> {
  const file = await openNpy(await fromFile(path));
  const shape = latentShape(file);
  if (file.rows * file.rowLength * 4 <= memoryLimit) {
    return inMemoryLatents(shape, await readLatents(file, shape, 0, file.rows));
  }
  const size = latentSize(shape);
  return {
    shape,
    count: file.rows,
    async read(indices) {
      const result = new Float32Array(indices.length * size);
      for (let start = 0; start < indices.length; start += concurrentReads) {
        const some = Array.from({ length: Math.min(concurrentReads, indices.length - start) }, (_, i) => start + i);
        await Promise.all(
          some.map(async (i) => {
            result.set(await readLatents(file, shape, requireRow(indices[i]!, file.rows), 1), i * size);
          }),
        );
      }
      return result;
    },
  };
}

/** Writes all latents as float32 `[n, c, h, w]`, atomically. Makes the folder where needed. */
export async function writeLatentsNpy(path: string, source: LatentSource): Promise<void> {
  const { channels, height, width } = source.shape;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield npyHeader({ shape: [source.count, channels, height, width], dtype: "float32" });
    for (let start = 0; start < source.count; start += rowsPerWrite) {
      const count = Math.min(rowsPerWrite, source.count - start);
      const rows = await source.read(Array.from({ length: count }, (_, i) => start + i));
      yield new Uint8Array(toChannelFirst(rows, count, source.shape).buffer);
    }
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, chunks());
}

function latentShape({ name, shape, dtype }: NpyFile): LatentShape {
  const fix = "Save latents as an array [n, c, h, w] of float16, float32 or float64, as a PyTorch encoder gives them.";
  if (!dtype.startsWith("float")) {
    throw new RevqError("latents-dtype", `${name} holds ${dtype}; latents are floating point.`, { fix });
  }
  const [count, channels, height, width] = shape;
  if (shape.length !== 4 || !count || !channels || !height || !width) {
    const what = shape.length === 4 ? "it is empty" : `it has ${shape.length} axes instead of 4`;
    throw new RevqError("latents-shape", `${name} has shape [${shape}]: ${what}.`, { fix });
  }
  return { channels, height, width };
}

async function readLatents(file: NpyFile, shape: LatentShape, start: number, count: number): Promise<Float32Array> {
  const rows = await file.readRows(start, count);
  for (let i = 0; i < rows.length; i++) {
    if (Number.isFinite(rows[i]!)) continue;
    const latent = start + Math.floor(i / file.rowLength);
    throw new RevqError("latents-not-finite", `${file.name}: latent ${latent} holds ${rows[i]}.`, {
      fix: "Leave such latents out, or encode the images in float32: float16 overflows above 65504.",
    });
  }
  return toChannelLast(rows, count, shape);
}
