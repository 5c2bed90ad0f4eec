/**
 * Latents in `.npy` files: `[n, c, h, w]` of float16, float32 or float64, the layout of a PyTorch
 * encoder's output. `@revq/formats` reads and writes the format itself.
 */
import type { LatentSource } from "@revq/core";
import { npyHeader, openNpy } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { toChannelFirst } from "./layout.js";
import { latentsOfRows, type OpenLatentsOptions } from "./row-latents.js";

const rowsPerWrite = 256;

/**
 * @throws RevqError `latents-shape` (not four axes, or empty), `latents-dtype` (not floating
 * point), `latents-not-finite` (NaN or infinity, when the row is read), and `npy-*`, `file-*` of
 * `@revq/formats`
 */
export async function openLatentsNpy(path: string, options: OpenLatentsOptions = {}): Promise<LatentSource> {
  const file = await openNpy(await fromFile(path));
  return latentsOfRows({ ...file, isFloat: file.dtype.startsWith("float") }, options);
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
