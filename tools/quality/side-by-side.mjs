/**
 * Draws what people compare: one row an image, from left to right the original, the VAE alone and each tokenizer.
 * All tokenizers have the VAE of the first. Needs the built packages.
 *
 * Run: node tools/quality/side-by-side.mjs IMAGES LABEL=TOKENIZER ... [-o sheet.png] [--limit 4] [--engine auto] [--weights DIR]
 */
import { parseArgs } from "node:util";
import { imageGrid, openImages, writePng } from "@revq/data";
import { createEngine } from "@revq/engine";
import { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: "string", short: "o", default: "sheet.png" },
    limit: { type: "string", default: "4" },
    engine: { type: "string", default: "auto" },
    weights: { type: "string" },
  },
});
const [folder, ...named] = positionals;
if (!folder || named.length === 0)
  throw new Error("Usage: node tools/quality/side-by-side.mjs IMAGES LABEL=TOKENIZER ...");

const engine = await createEngine({ engine: values.engine });
const tokenizers = await Promise.all(
  named.map(async (each) => {
    const [label, path] = each.split("=", 2);
    return { label, tokenizer: await Tokenizer.load(path, values.weights ? { weights: values.weights } : {}) };
  }),
);
const [{ tokenizer: first }] = tokenizers;
const images = await openImages(folder, { size: first.imageSize, limit: Number(values.limit) });

const rows = [];
for await (const { pixels, size } of images.batches(1)) {
  const x = tf.tensor4d(pixels, [1, size, size, 3]);
  const row = [pixels, await valuesOf(reconstruct(first.backbone, x))];
  for (const { tokenizer } of tokenizers) {
    const ids = await tokenizer.encodeImages(x);
    row.push(await valuesOf(tokenizer.decodeIds(ids)));
    ids.dispose();
  }
  x.dispose();
  rows.push(row);
}
const labels = ["original", "VAE", ...tokenizers.map(({ label }) => label)];
await writePng(values.output, imageGrid(rows, first.imageSize, { labels }));
for (const { tokenizer } of tokenizers) tokenizer.dispose();
engine.dispose();

async function reconstruct(backbone, x) {
  const latents = await backbone.encode(x);
  return backbone.decode(latents).finally(() => latents.dispose());
}

/** Flat, in [-1, 1]. */
async function valuesOf(promise) {
  const picture = await promise;
  const clipped = tf.clipByValue(picture, -1, 1);
  const flat = Float32Array.from(await clipped.data());
  tf.dispose([picture, clipped]);
  return flat;
}
