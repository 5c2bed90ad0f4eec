/**
 * PSNR, SSIM and, with weights, LPIPS of the tiny autoencoders over photographs, unquantized: the limit of every tokenizer that is built on them.
 * Needs the built packages and a folder with their weights.
 *
 * Run: node tools/quality/tae.mjs WEIGHTS IMAGES [--limit 50] [--engine auto] [--variants taesd,taef2] [--lpips DIR]
 */
import { parseArgs } from "node:util";
import { tae } from "@revq/backbone-tae";
import { parseOptions } from "@revq/core";
import { openImageFolder } from "@revq/data";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { psnr, ssim } from "@revq/metrics";
import { openLpips } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: "string", default: "50" },
    engine: { type: "string", default: "auto" },
    lpips: { type: "string" },
    variants: { type: "string", default: "taesd,taesdxl,taesd3,taef1,taef2" },
  },
});
const [weightsFolder, imageFolder] = positionals;
if (!weightsFolder || !imageFolder) throw new Error("Usage: node tools/quality/tae.mjs WEIGHTS IMAGES");

const engine = await createEngine({ engine: values.engine });
const weights = await openWeights(weightsFolder);
const lpips = values.lpips === undefined ? null : await openLpips(await openWeights(values.lpips), "squeeze");
const images = await openImageFolder(imageFolder, { size: 256, limit: Number(values.limit) });
console.log(`${images.count} images of ${images.description} on ${engine.description}`);
console.log("| variant | PSNR mean | min | max | SSIM | LPIPS-squeeze | s per image |\n|---|---|---|---|---|---|---|");

for (const variant of values.variants.split(",")) {
  const backbone = await tae.create(parseOptions(tae, { variant }), { imageSize: 256, weights });
  const scores = [];
  let seconds = 0;
  for await (const { names, size, pixels } of images.batches(2)) {
    const start = performance.now();
    const x = tf.tensor4d(pixels, [names.length, size, size, 3]);
    const latents = await backbone.encode(x);
    const decoded = await backbone.decode(latents);
    const output = await decoded.data();
    seconds += (performance.now() - start) / 1000;
    const distances = lpips ? await lpipsOf(x, decoded) : [];
    tf.dispose([x, latents, decoded]);
    const each = size * size * 3;
    names.forEach((_, i) => {
      const toUnit = (array) => array.slice(i * each, (i + 1) * each).map((v) => Math.min(1, Math.max(0, (v + 1) / 2)));
      const [a, b] = [toUnit(pixels), toUnit(output)];
      scores.push({ psnr: psnr(a, b), ssim: ssim(a, b, size, size), lpips: distances[i] ?? NaN });
    });
  }
  const all = scores.map((score) => score.psnr);
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const similarity = mean(scores.map((score) => score.ssim));
  const distance = mean(scores.map((score) => score.lpips));
  const cells = [mean(all), Math.min(...all), Math.max(...all)].map((value) => value.toFixed(3));
  console.log(
    `| ${variant} | ${cells.join(" | ")} | ${similarity.toFixed(4)} | ${distance.toFixed(4)} | ${(seconds / scores.length).toFixed(2)} |`,
  );
  backbone.dispose();
}
lpips?.dispose();
engine.dispose();

/** LPIPS of every image, of what the decoder gives clamped to [-1, 1]. */
async function lpipsOf(images, decoded) {
  const clamped = tf.clipByValue(decoded, -1, 1);
  const [a, b] = [lpips.features(images), lpips.features(clamped)];
  const distances = lpips.compare(a, b);
  const values = await distances.data();
  tf.dispose([clamped, a, b, distances]);
  return values;
}
