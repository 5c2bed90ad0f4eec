/** Ids to images or latents, batch by batch. */
import { latentSize, type ReportProgress } from "@revq/core";
import { inMemoryLatents, writeLatentsNpy, writePng } from "@revq/data";
import { tileCount, type Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { dirname } from "node:path";
import type { IdsFile } from "../ids/ids-file.js";
import { imagePaths } from "../images/image-paths.js";
import { makeFolder } from "../output/output-paths.js";
import { imageSizeOf } from "../tokenizer/open-tokenizer.js";

export interface DecodeContext {
  readonly tokenizer: Tokenizer;
  /** Images or tiles at a time. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
}

/** One PNG an image below the folder `out`. @returns their paths */
export async function decodeToImages(
  ids: IdsFile,
  out: string,
  { tokenizer, batch, signal, report }: DecodeContext,
): Promise<string[]> {
  const size = imageSizeOf(tokenizer);
  const count = rowsOf(ids);
  const paths = imagePaths(out, ids.names, count);
  for (let start = 0; start < count; start += batch) {
    signal.throwIfAborted();
    const rows = idsTensor(ids, start, batch);
    const images = await tokenizer.decodeIds(rows);
    const n = rows.shape[0];
    const pixels = (await images.data()) as Float32Array;
    tf.dispose([rows, images]);
    for (let i = 0; i < n; i++) {
      const path = paths[start + i]!;
      await makeFolder(dirname(path));
      await writePng(path, {
        width: size,
        height: size,
        pixels: pixels.subarray(i * size * size * 3, (i + 1) * size * size * 3),
      });
    }
    report({ phase: "decode", done: start + n, total: count });
  }
  return paths;
}

/** Latents `[n, c, h, w]` in the scale of the backbone, as the file `out`. */
export async function decodeToLatents(
  ids: IdsFile,
  out: string,
  { tokenizer, batch, signal, report }: DecodeContext,
): Promise<void> {
  const shape = tokenizer.parts.latentShape;
  const count = rowsOf(ids);
  const all = new Float32Array(count * latentSize(shape));
  for (let start = 0; start < count; start += batch) {
    signal.throwIfAborted();
    const rows = idsTensor(ids, start, batch);
    const latents = tokenizer.decodeLatents(rows);
    all.set(await latents.data(), start * latentSize(shape));
    tf.dispose([rows, latents]);
    report({ phase: "decode", done: Math.min(count, start + batch), total: count });
  }
  await writeLatentsNpy(out, inMemoryLatents(shape, all));
}

/** Like `decodeToImages`, for images in tiles: each gets its own size back. */
export async function decodeTiles(
  ids: IdsFile,
  out: string,
  { tokenizer, batch, signal, report }: DecodeContext,
): Promise<string[]> {
  const grids = ids.grids!;
  const paths = imagePaths(out, ids.names, grids.length);
  let start = 0;
  for (const [i, grid] of grids.entries()) {
    const end = start + tileCount(grid) * ids.tokens;
    const [image] = await tokenizer.decode(ids.ids.subarray(start, end), grid, { batch, signal, report });
    const { width, height, data } = image!;
    await makeFolder(dirname(paths[i]!));
    await writePng(paths[i]!, { width, height, pixels: new Uint8Array(data.filter((_, at) => at % 4 < 3)) });
    start = end;
  }
  return paths;
}

/** n of ids `[n, t]`. */
export function rowsOf({ ids, tokens }: IdsFile): number {
  return ids.length / tokens;
}

/** The ids of at most `batch` images, from image `start` on, `[n, t]`. */
function idsTensor({ ids, tokens }: IdsFile, start: number, batch: number): tf.Tensor2D {
  const part = ids.slice(start * tokens, (start + batch) * tokens);
  return tf.tensor2d(part, [part.length / tokens, tokens], "int32");
}
