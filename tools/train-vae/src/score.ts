/**
 * Mean PSNR of reconstructions from the posterior's mean, at 256 x 256 (the centre of larger
 * photographs).
 */
import type { AutoencoderKlConfig } from "@revq/backbone-sd-vae";
import type { Network } from "@revq/backbone-sd-vae/network";
import { centreCrop, type RgbImage } from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";

const side = 256;

export async function scorePhotographs(
  network: Network,
  photographs: readonly RgbImage[],
  { latentChannels }: AutoencoderKlConfig,
): Promise<{ psnr: number; latentDeviation: number }> {
  let psnr = 0;
  let power = 0;
  for (const photograph of photographs) {
    const pixels = centreCrop(photograph, side);
    const result = tf.tidy(() => {
      const bytes = tf.tensor4d(Float32Array.from(pixels), [1, side, side, 3]);
      const images = tf.sub(tf.div(tf.transpose(bytes, [0, 3, 1, 2]), 127.5), 1) as tf.Tensor4D;
      const mean = tf.slice(network.encode(images), [0, 0, 0, 0], [1, latentChannels, side / 8, side / 8]);
      const decoded = tf.clipByValue(network.decode(mean), -1, 1);
      return tf.stack([tf.mean(tf.square(tf.sub(decoded, images))), tf.mean(tf.square(mean))]);
    });
    const [error, square] = await result.data();
    result.dispose();
    psnr += 10 * Math.log10(4 / error!);
    power += square!;
  }
  const count = photographs.length;
  return { psnr: psnr / count, latentDeviation: Math.sqrt(power / count) };
}
