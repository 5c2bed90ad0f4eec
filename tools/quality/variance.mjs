/**
 * Whether pictures gain when a tokenizer gives back the variance that quantization takes away. k-means puts centroids at means of
 * cells, so quantized latents vary less than latents. Two ways to restore it, both before the rectifier: all centroids scaled by one
 * factor, and seeded noise of the cells' size added to the coefficients. Prints PSNR and LPIPS against the photographs, with and
 * without the rectifier.
 * Needs the built packages. Cell sizes and variances are those of the images that are scored.
 *
 * Run: node tools/quality/variance.mjs TOKENIZER IMAGES [--limit 24] [--engine auto] [--weights DIR]
 */
import { parseArgs } from "node:util";
import { createRandom } from "@revq/core";
import { openImageFolder } from "@revq/data";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { psnr, toUnitRange } from "@revq/metrics";
import { Tokenizer } from "@revq/tokenizer";
import { openLpips } from "@revq/train";
import { lpipsFolder } from "@revq/weights-lpips";
import * as tf from "@tensorflow/tfjs-core";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: "string", default: "24" },
    engine: { type: "string", default: "auto" },
    weights: { type: "string" },
  },
});
const [folder, imageFolder] = positionals;
if (!folder || !imageFolder) throw new Error("Usage: node tools/quality/variance.mjs TOKENIZER IMAGES");

const engine = await createEngine({ engine: values.engine });
const tokenizer = await Tokenizer.load(folder, values.weights ? { weights: values.weights } : {});
const lpips = await openLpips(await openWeights(lpipsFolder.href), "squeeze");
const images = await openImageFolder(imageFolder, { size: tokenizer.imageSize, limit: Number(values.limit) });
const { space, quantizer, rectifier } = tokenizer.parts;

/** Photographs, their ids, and sums over images by coefficient. */
const photographs = [];
let squares = { latent: 0, quantized: 0 };
let cells = null;
for await (const { pixels, size } of images.batches(1)) {
  const x = tf.tensor4d(pixels, [1, size, size, 3]);
  const latents = await tokenizer.backbone.encode(x);
  const { standardized, coefficients } = await space.forward(latents);
  const ids = await quantizer.quantize(coefficients);
  const quantized = quantizer.dequantize(ids);
  const [a, b] = [await coefficients.data(), await quantized.data()];
  cells ??= new Float64Array(a.length);
  a.forEach((value, i) => {
    squares.latent += value ** 2;
    squares.quantized += b[i] ** 2;
    cells[i] += (value - b[i]) ** 2;
  });
  photographs.push({ pixels, quantized: Float32Array.from(b), shape: quantized.shape, size });
  tf.dispose([x, latents, standardized, coefficients, ids, quantized]);
}
const deviations = cells.map((sum) => Math.sqrt(sum / photographs.length));
const full = Math.sqrt(squares.latent / squares.quantized);

const variants = [
  { name: "as it is", scale: 1, noise: 0 },
  ...[0.5, 1].map((part) => ({
    name: `centroids x ${(1 + part * (full - 1)).toFixed(3)}`,
    scale: 1 + part * (full - 1),
    noise: 0,
  })),
  ...[0.05, 0.2, 0.5, 1].map((part) => ({
    name: `noise of ${part} of the cells' variance`,
    scale: 1,
    noise: Math.sqrt(part),
  })),
];
const hasRectifier = rectifier.variables.length > 0;
console.log(
  `${photographs.length} images of ${images.description} on ${engine.description}; all variance: x ${full.toFixed(3)}`,
);
console.log(
  `| | PSNR, dB | LPIPS |${hasRectifier ? " rectified: PSNR, dB | LPIPS |" : ""}\n|---|---|---|${hasRectifier ? "---|---|" : ""}`,
);
for (const { name, scale, noise } of variants) {
  const scores = [];
  for (const rectified of hasRectifier ? [false, true] : [false]) {
    let [dB, distance] = [0, 0];
    for (const [index, photograph] of photographs.entries()) {
      const random = createRandom(0).fork(`image ${index}`);
      const changed = photograph.quantized.map(
        (value, i) => scale * value + (noise && noise * deviations[i] * random.normal()),
      );
      const [d, l] = await score(photograph, changed, rectified);
      dB += d / photographs.length;
      distance += l / photographs.length;
    }
    scores.push(dB.toFixed(2), distance.toFixed(4));
  }
  console.log(`| ${name} | ${scores.join(" | ")} |`);
}
lpips.dispose();
tokenizer.dispose();
engine.dispose();

/** PSNR and LPIPS of the picture of these coefficients. */
async function score({ pixels, shape, size }, coefficients, rectified) {
  const latents = tf.tidy(() => {
    const quantized = space.inverse(tf.tensor4d(coefficients, shape));
    return space.unstandardize(rectified ? rectifier.rectify(quantized) : quantized);
  });
  const picture = await tokenizer.decoder.decode(latents);
  const distance = tf.tidy(() =>
    lpips.distance(tf.tensor4d(pixels, [1, size, size, 3]), tf.clipByValue(picture, -1, 1)),
  );
  const result = [psnr(toUnitRange(pixels), toUnitRange(await picture.data())), (await distance.data())[0]];
  tf.dispose([latents, picture, distance]);
  return result;
}
