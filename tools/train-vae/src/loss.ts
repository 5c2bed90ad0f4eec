/**
 * The loss: the mean over images of log(squared error), which the mean PSNR measures; a small KL
 * divergence; and LPIPS where its weights are given.
 */
import type { Network } from "@revq/backbone-sd-vae/network";
import type { Random } from "@revq/core";
import { createLpips, type Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { loadTensors } from "./checkpoint.js";
import type { Settings } from "./settings.js";

/** Lower bound on squared errors in [-1, 1], about 33 dB: without it, flat crops would dominate. */
const smallestError = 0.002;

export interface Loss {
  /** Standard normal noise of the latent's shape, for samples of the posterior. */
  noise(random: Random, imageShape: readonly number[]): tf.Tensor4D;
  /** images `[n, 3, H, W]`; `report` is [mean PSNR, mean LPIPS, deviation of the latents]. */
  of(images: tf.Tensor4D, noise: tf.Tensor4D): { total: tf.Scalar; report: tf.Tensor1D };
}

/** @param network of layout NCHW */
export async function createLoss(network: Network, settings: Settings): Promise<Loss> {
  const { latentChannels, channels, klWeight, latentNoise, lpipsWeight } = settings;
  const lpips = settings.lpips === undefined ? undefined : await openLpips(settings.lpips);
  const factor = 2 ** (channels.length - 1);
  return {
    noise(random, [n, , height, width]) {
      const shape = [n!, latentChannels, height! / factor, width! / factor] as [number, number, number, number];
      return tf.tensor4d(
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
        shape,
      );
    },
    of(images, noise) {
      const [mean, rawLogVariance] = tf.split(network.encode(images), 2, 1) as [tf.Tensor4D, tf.Tensor4D];
      const logVariance = tf.clipByValue(rawLogVariance, -20, 10);
      const variance = tf.exp(logVariance);
      const deviation = tf.sqrt(tf.add(variance, tf.scalar(latentNoise ** 2)));
      const latents: tf.Tensor4D = tf.add(mean, tf.mul(deviation, noise));
      const decoded = network.decode(latents);
      const errors = tf.mean(tf.square(tf.sub(decoded, images)), [1, 2, 3]);
      const logarithm = tf.mean(tf.log(tf.add(errors, tf.scalar(smallestError))));
      const divergence = tf.div(
        tf.sum(tf.mul(tf.sub(tf.add(tf.square(mean), variance), tf.add(logVariance, 1)), 0.5)),
        images.shape[0],
      );
      const last = (x: tf.Tensor4D): tf.Tensor4D => tf.transpose(x, [0, 2, 3, 1]);
      const perceived = lpips ? tf.mean(lpips.distance(last(decoded), last(images))) : tf.scalar(0);
      const pixels = tf.add(logarithm, tf.mul(divergence, tf.scalar(klWeight)));
      const total: tf.Scalar = tf.add(pixels, tf.mul(perceived, tf.scalar(lpipsWeight)));
      // 10 log10(2^2 / mse)
      const psnr = tf.mul(tf.sub(Math.log(4), tf.mean(tf.log(errors))), 10 / Math.LN10);
      const spread = tf.sqrt(tf.mean(tf.square(mean)));
      return { total, report: tf.stack([psnr, perceived, spread]) as tf.Tensor1D };
    },
  };
}

/** LPIPS on SqueezeNet, of the two files in `folder`. */
export async function openLpips(folder: string): Promise<Lpips> {
  const read = async (name: string): Promise<Record<string, tf.Tensor>> => {
    const file = await loadTensors(join(folder, name));
    if (!file) throw new Error(`${folder} has no ${name}`);
    return file.tensors;
  };
  const backbone = await read("squeezenet1_1.safetensors");
  const heads = await read("lpips_v0.1_squeeze_lin.safetensors");
  const lpips = createLpips("squeeze", { backbone, heads });
  tf.dispose([backbone, heads]);
  return lpips;
}
