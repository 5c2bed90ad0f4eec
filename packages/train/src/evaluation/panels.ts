/** Images after each stage, for people: samples.png, pages and TensorBoard. */
import type { FitContext } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";
import { toUnitRange } from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { ImageScores } from "./shown-images.js";

/** One image after each stage, `[size, size, 3]` float32 in [0, 1]. */
export interface Panel extends ImageScores {
  readonly original: Float32Array;
  readonly vae: Float32Array;
  readonly quantized: Float32Array;
  readonly rectified: Float32Array;
}

/** The stages of a panel from left to right, as people name them. */
export const panelColumns = [
  { label: "original", stage: "original" },
  { label: "VAE", stage: "vae" },
  { label: "quantized", stage: "quantized" },
  { label: "rectified", stage: "rectified" },
] as const satisfies readonly { readonly label: string; readonly stage: keyof Panel }[];

export interface PanelOptions extends Pick<FitContext, "signal"> {
  /** Images at a time. */
  readonly batch: number;
  readonly report?: FitContext["report"];
}

/** Encodes and decodes the images again, by their rows. Each image is made once; the order is that of the rows. */
export async function makePanels(
  tokenizer: Tokenizer,
  images: IndexedImageSource,
  shown: readonly ImageScores[],
  { batch, signal, report }: PanelOptions,
): Promise<Map<number, Panel>> {
  const panels = new Map<number, Panel>();
  const scores = new Map(shown.map((each) => [each.row, each]));
  const rows = [...scores.keys()].sort((a, b) => a - b);
  for (let start = 0; start < rows.length; start += batch) {
    const part = rows.slice(start, start + batch);
    for await (const { names, pixels } of images.select(part).batches(part.length)) {
      signal.throwIfAborted();
      const stages = await decodeStages(tokenizer, pixels, [names.length, images.size, images.size, 3]);
      const each = images.size * images.size * 3;
      for (const [index, name] of names.entries()) {
        const row = part.find((row) => images.names[row] === name && !panels.has(row));
        if (row === undefined) continue;
        // Copies: a view would keep the whole batch.
        const cut = (all: Float32Array): Float32Array => all.slice(index * each, (index + 1) * each);
        panels.set(row, {
          ...scores.get(row)!,
          original: cut(stages.original),
          vae: cut(stages.vae),
          quantized: cut(stages.quantized),
          rectified: cut(stages.rectified),
        });
      }
    }
    report?.({ phase: "draw images", done: start + part.length, total: rows.length });
  }
  return panels;
}

type Stages = Pick<Panel, "original" | "vae" | "quantized" | "rectified">;

async function decodeStages(
  tokenizer: Tokenizer,
  pixels: Float32Array,
  shape: [number, number, number, number],
): Promise<Stages> {
  const images = tf.tensor4d(pixels, shape);
  const latents = await tokenizer.backbone.encode(images);
  const { standardized, ids, quantized, rectified } = await tokenizer.quantizeLatents(latents);
  const { space } = tokenizer.parts;
  try {
    return {
      original: toUnitRange(pixels),
      vae: await decoded(tokenizer.backbone.decode(latents)),
      quantized: await decodeStandardized(quantized),
      rectified: await decodeStandardized(rectified),
    };
  } finally {
    tf.dispose([images, latents, standardized, ids, quantized, rectified]);
  }

  async function decodeStandardized(values: Tensor4D): Promise<Float32Array> {
    const raw = space.unstandardize(values);
    try {
      return await decoded(tokenizer.decoder.decode(raw));
    } finally {
      raw.dispose();
    }
  }
}

/** Flat, in [0, 1]. */
export async function decoded(promise: Promise<Tensor4D>): Promise<Float32Array> {
  const images = await promise;
  const values = toUnitRange((await images.data()) as Float32Array);
  images.dispose();
  return values;
}
