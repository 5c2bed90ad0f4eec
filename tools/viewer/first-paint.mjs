/**
 * Makes apps/viewer/first-paint: what the viewer shows of its first sample before it has computed
 * anything, and the picture of its links (1200 x 630). Needs a build.
 *
 * Run: node tools/viewer/first-paint.mjs [SAMPLE]
 */
import { bytesToUnitRange } from "@revq/data/pixels";
import { sampleImages } from "@revq/sample-images";
import { Tokenizer } from "@revq/tokenizer";
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import * as tf from "@tensorflow/tfjs-core";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFootprints, inMetric } from "../../apps/viewer/dist/worker/footprints.js";
import { fromFloats, metricsOf } from "../../apps/viewer/dist/worker/scored-images.js";
import { tokenReport } from "../../apps/viewer/dist/worker/token-report.js";

const sharp = createRequire(new URL("../../packages/data/package.json", import.meta.url))("sharp");
const name = process.argv[2] ?? "friends-05.jpg";
const target = join(import.meta.dirname, "../../apps/viewer/first-paint");
const sample = sampleImages.find((image) => image.name === name);
if (!sample) throw new Error(`There is no sample ${name}.`);

const tokenizer = await Tokenizer.load(tokenizerFolder);
const { space, latentShape } = tokenizer.parts;
const side = tokenizer.imageSize;
const rgb = await sharp(fileURLToPath(sample.url)).removeAlpha().raw().toBuffer();
const original = new Float32Array(rgb.length);
bytesToUnitRange(new Uint8Array(rgb), original);
const pixels = tf.tensor4d(original, [1, side, side, 3]);
const latents = await tokenizer.backbone.encode(pixels);
const quantized = await tokenizer.quantizeLatents(latents);

const decode = async (decoder, tensor) => {
  const values = await (await decoder.decode(tensor)).data();
  return { image: fromFloats(values, side), ...metricsOf(original, values, side) };
};
const rectified = await decode(tokenizer.decoder, space.unstandardize(quantized.rectified));
const vae = await decode(tokenizer.backbone, latents);
const { map } = tokenReport(
  {
    quantized: await quantized.quantized.data(),
    rectified: await quantized.rectified.data(),
    exact: null,
    seen: await inMetric(space, quantized.quantized),
  },
  latentShape,
  await findFootprints(tokenizer.parts),
  null,
);

const png = ({ data, width, height }) =>
  sharp(Buffer.from(data), { raw: { width, height, channels: 4 } }).removeAlpha();
await mkdir(target, { recursive: true });
await png(rectified.image).webp({ quality: 88 }).toFile(join(target, "tokens.webp"));
await png(map).png().toFile(join(target, "map.png"));
const facts = {
  image: name,
  credit: `${sample.source} (${sample.license})`,
  side,
  tokens: tokenizer.layout.count,
  bits: tokenizer.bitsPerImage,
  psnr: Number(rectified.psnr.toFixed(2)),
  vaePsnr: Number(vae.psnr.toFixed(2)),
};
await writeFile(join(target, "facts.json"), `${JSON.stringify(facts, null, 2)}\n`);

const square = 376;
const picture = (image, kernel) => image.resize(square, square, { kernel }).png().toBuffer();
const left = (at) => 18 + at * (square + 18);
const kilobytes = (bytes) => `${Number((bytes / 1024).toPrecision(3))} KB`;
const line = `${kilobytes(facts.bits / 8)} instead of ${kilobytes(side * side * 3)}`;
const label = (text, at) =>
  `<text x="${left(at) + square / 2}" y="600" text-anchor="middle" font-size="28">${text}</text>`;
await sharp({ create: { width: 1200, height: 630, channels: 3, background: "#f5f6f8" } })
  .composite([
    { input: await picture(sharp(fileURLToPath(sample.url)), "lanczos3"), left: left(0), top: 180 },
    { input: await picture(png(map), "nearest"), left: left(1), top: 180 },
    { input: await picture(png(rectified.image), "lanczos3"), left: left(2), top: 180 },
    {
      input: Buffer.from(
        `<svg width="1200" height="630" font-family="sans-serif" fill="#14181f"><text x="18" y="84" font-size="52" font-weight="700">Your photo as ${facts.tokens.toLocaleString("en")} tokens</text><text x="18" y="140" font-size="34">${line}</text>${label("original", 0)}${label("its tokens", 1)}${label("from the tokens", 2)}</svg>`,
      ),
      left: 0,
      top: 0,
    },
  ])
  .jpeg({ quality: 84 })
  .toFile(join(target, "card.jpg"));
tf.dispose([pixels, latents, ...Object.values(quantized)]);
tokenizer.dispose();
