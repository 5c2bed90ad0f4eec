import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { sdVae } from "@revq/backbone-sd-vae";
import { parseOptions } from "@revq/core";
import { decodeImage } from "@revq/data";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { sampleImages } from "@revq/sample-images";
import { weightFiles, weightsFolder } from "@revq/weights-tiny-sd-vae";

it("is under 4 MB", async () => {
  const sizes = await Promise.all(weightFiles.map(async (name) => (await stat(new URL(name, weightsFolder))).size));
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(4e6);
});

it("is a VAE of f8 and 8 channels that gives a photograph back", async () => {
  const engine = await createEngine({ engine: "onnx" });
  const vae = await sdVae.create(parseOptions(sdVae, {}), {
    imageSize: 256,
    weights: await openWeights(fileURLToPath(weightsFolder)),
  });
  expect(vae.spec).toMatchObject({ downsample: 8, latentChannels: 8, decodes: true });
  const { data } = await decodeImage(await readFile(sampleImages[0]!.url));
  const image = tf.tidy(() =>
    tf.sub(tf.div(tf.tensor4d(Float32Array.from(data), [1, 256, 256, 3]), 127.5), 1),
  ) as tf.Tensor4D;
  const latents = await vae.encode(image);
  const decoded = await vae.decode(latents);
  const [error, spread] = await tf
    .tidy(() => tf.stack([tf.mean(tf.squaredDifference(decoded, image)), tf.sqrt(tf.mean(tf.square(latents)))]))
    .data();
  expect(10 * Math.log10(4 / error!)).toBeGreaterThan(24);
  expect(spread).toBeGreaterThan(0.3);
  expect(spread).toBeLessThan(3);
  tf.dispose([image, latents, decoded]);
  vae.dispose();
  engine.dispose();
});
