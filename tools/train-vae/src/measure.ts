/**
 * PSNR, SSIM and LPIPS of VAEs without quantization, next to the linear one of the same latent
 * shape, over folders of photographs. Images are read as revq reads them (short side to 256, centre
 * crop).
 *
 * node tools/train-vae/dist/measure.js --weights DIR --linear TRAIN --lpips DIR [--taesd DIR]
 * [--limit N] FOLDER [FOLDER]
 */
import { parseArgs } from "node:util";
import { linear } from "@revq/backbone-linear";
import { sdVae } from "@revq/backbone-sd-vae";
import { tae } from "@revq/backbone-tae";
import { createRandom, parseOptions, quietContext, type Backbone } from "@revq/core";
import { openImageFolder } from "@revq/data";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { psnr, ssim, toUnitRange } from "@revq/metrics";
import * as tf from "@tensorflow/tfjs-core";
import { openLpips } from "./loss.js";

const size = 256;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    weights: { type: "string" },
    linear: { type: "string" },
    lpips: { type: "string" },
    taesd: { type: "string" },
    limit: { type: "string", default: "1000" },
  },
});
const { weights, lpips: lpipsFolder } = values;
if (!weights || !lpipsFolder || positionals.length === 0) throw new Error("--weights, --lpips and a folder are needed");

await createEngine({ engine: "onnx" });
const lpips = await openLpips(lpipsFolder);
const sdVaeBackbone = await sdVae.create(parseOptions(sdVae, {}), {
  imageSize: size,
  weights: await openWeights(weights),
});
const backbones: Backbone[] = [sdVaeBackbone];
if (values.linear) {
  const fitted = await linear.create(parseOptions(linear, { channels: sdVaeBackbone.spec.latentChannels }), {
    imageSize: size,
  });
  const images = await openImageFolder(values.linear, { size });
  await fitted.fit!.run(images, quietContext(createRandom(0)));
  backbones.push(fitted);
}
if (values.taesd) {
  const options = parseOptions(tae, { variant: "taesd" });
  backbones.push(await tae.create(options, { imageSize: size, weights: await openWeights(values.taesd) }));
}

console.log(
  "| images | VAE | PSNR mean | min | SSIM | LPIPS | latents: mean, deviation, largest |\n|---|---|---|---|---|---|---|",
);
for (const folder of positionals) {
  for (const backbone of backbones) {
    const images = await openImageFolder(folder, { size, limit: Number(values.limit) });
    const scores: { psnr: number; ssim: number; lpips: number }[] = [];
    let [sum, squares, elements, largest] = [0, 0, 0, 0];
    for await (const { names, pixels } of images.batches(4)) {
      const x = tf.tensor4d(pixels, [names.length, size, size, 3]);
      const latents = await backbone.encode(x);
      const decoded = await backbone.decode(latents);
      const clamped = tf.clipByValue(decoded, -1, 1);
      const distances = tf.tidy(() => lpips.distance(clamped, x));
      const [output, far, latentValues] = [await clamped.data(), await distances.data(), await latents.data()];
      tf.dispose([x, latents, decoded, clamped, distances]);
      const each = size * size * 3;
      names.forEach((_, i) => {
        const unit = (array: ArrayLike<number>): Float32Array =>
          toUnitRange(Float32Array.from(array).subarray(i * each, (i + 1) * each));
        const [a, b] = [unit(pixels), unit(output)];
        scores.push({ psnr: psnr(a, b), ssim: ssim(a, b, size, size), lpips: far[i]! });
      });
      for (const z of latentValues) {
        sum += z;
        squares += z * z;
        largest = Math.max(largest, Math.abs(z));
      }
      elements += latentValues.length;
    }
    const mean = (key: "psnr" | "ssim" | "lpips"): number =>
      scores.reduce((total, score) => total + score[key], 0) / scores.length;
    const average = sum / elements;
    const lowest = Math.min(...scores.map((score) => score.psnr));
    const deviation = Math.sqrt(squares / elements - average ** 2);
    console.log(
      `| ${scores.length} of ${folder} | ${backbone.spec.name} | ${mean("psnr").toFixed(2)} | ${lowest.toFixed(2)} | ${mean("ssim").toFixed(3)} | ${mean("lpips").toFixed(4)} | ${average.toFixed(2)}, ${deviation.toFixed(2)}, ${largest.toFixed(1)} |`,
    );
  }
}
