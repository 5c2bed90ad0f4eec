/** Where each token acts in the latent, found by changing one token at a time: it works for every quantizer. */
import { latentSize, type LatentShape, type Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Footprints } from "../protocol/messages.js";

/** Elements of latents that are computed at once. */
const budget = 2 ** 22;

/** Tokens differ in code 0 and the last code of their groups. A group of one code decides nothing. */
export async function findFootprints(quantizer: Quantizer, shape: LatentShape): Promise<Footprints> {
  const { tokens, codes, groupOf } = quantizer.tokens;
  const size = latentSize(shape);
  const base = await latentsOf(quantizer, new Int32Array(tokens), 1);
  const rows = Math.max(1, Math.floor(budget / size));
  const starts = new Int32Array(tokens + 1);
  const places: number[] = [];
  for (let first = 0; first < tokens; first += rows) {
    const n = Math.min(rows, tokens - first);
    const changed = new Int32Array(n * tokens);
    for (let i = 0; i < n; i++) changed[i * tokens + first + i] = codes[groupOf[first + i]!]! - 1;
    const values = await latentsOf(quantizer, changed, n);
    for (let i = 0; i < n; i++) {
      for (let place = 0; place < size; place++) {
        const at = channelLast(place, shape);
        if (values[i * size + at] !== base[at]) places.push(place);
      }
      starts[first + i + 1] = places.length;
    }
  }
  return { starts, places: Int32Array.from(places) };
}

/** Where element `place` of `[c, h, w]` lies in `[h, w, c]`. */
export function channelLast(place: number, { channels, height, width }: LatentShape): number {
  const cells = height * width;
  const channel = Math.floor(place / cells);
  return (place % cells) * channels + channel;
}

/** codes `[n, T]` -> standardized latents `[n, h, w, c]`, flat. */
export async function latentsOf(quantizer: Quantizer, codes: Int32Array, n: number): Promise<Float32Array> {
  const ids = tf.tensor2d(codes, [n, quantizer.tokens.tokens], "int32");
  const latents = quantizer.dequantize(ids);
  const values = (await latents.data()) as Float32Array;
  tf.dispose([ids, latents]);
  return values;
}
