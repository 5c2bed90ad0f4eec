/**
 * The initial weights: they make the AutoencoderKL a linear autoencoder.
 *
 * - The encoder's trunk (convolutions and shortcuts, no residual branch) cuts the image into 2x2,
 *   4x4 and 8x8 patches and keeps their principal components. A residual branch ends in a zero
 *   convolution, so at first it adds nothing.
 * - The decoder's trunk is the best linear prediction of the finer level's components from the
 *   coarser level's, fitted level by level (nearest upsampling and a 3x3 convolution cannot copy a
 *   patch, but their overlap compensates for it).
 * - Group norm, here over one group, would divide each image by its contrast. Two channels hold
 *   large constants +a and -a, so that the divisor hardly changes. SiLU is undone by x = silu(x) -
 *   silu(-x).
 */
import { expectedTensors, type AutoencoderKlConfig } from "@revq/backbone-sd-vae";
import { symmetricEigen } from "@revq/numerics";
import type { Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { leastSquares } from "./least-squares.js";

/** By diffusers' name, in tfjs' layout: `[y, x, in, out]`. */
export type Weights = Record<string, tf.Tensor>;

/** Spread of the random features that residual branches see beside the linear path. */
const featureGain = 0.3;
/** Deviation of the posterior at the start. */
const startDeviation = 0.03;

/**
 * @param images `[n,H,W,3]` in [-1, 1] that the components are computed from; a few hundred crops
 * suffice
 */
export async function initialWeights(
  config: AutoencoderKlConfig,
  images: tf.Tensor4D,
  random: Random,
): Promise<Weights> {
  const { blockOutChannels, latentChannels } = config;
  const levels = blockOutChannels.length;
  const shapes = expectedTensors(config);
  const arrays = new Map<string, Array4>();
  const array = (name: string): Array4 => arrays.get(name)!;
  for (const [name, shape] of shapes) arrays.set(name, startOf(name, shape, random));

  // The encoder's pyramid of components: level k is [n, H/2^k, W/2^k, kept[k]].
  const kept = [3];
  const pyramid = [images];
  setConstants(array, "encoder.conv_in", blockOutChannels[0]!);
  for (let c = 0; c < 3; c++) clearThenSet(array("encoder.conv_in.weight"), c, [[1, 1, c, 1]]);
  for (let level = 0; level < levels - 1; level++) {
    const name = `encoder.down_blocks.${level}`;
    const width = blockOutChannels[level]!;
    if (level > 0) copyShortcut(array, `${name}.resnets.0`, kept[level]!, width);
    const down = `${name}.downsamplers.0.conv`;
    const count = Math.min(4 * kept[level]!, width - 4);
    const components = await patchComponents(pyramid[level]!, count);
    for (let out = 0; out < count; out++) clearThenSet(array(`${down}.weight`), out, components.taps[out]!);
    setConstants(array, down, width);
    kept.push(count);
    pyramid.push(components.features);
  }
  const top = pyramid.at(-1)!;

  // Latents: the first components, rotated so that all have the same variance (distances do not
  // change), scaled to 1.
  const rotation = hadamard(latentChannels);
  const power = await meanSquare(tf.slice(top, [0, 0, 0, 0], [-1, -1, -1, latentChannels]));
  const scale = 1 / Math.sqrt(power);
  const last = blockOutChannels.at(-1)!;
  const lastResnet = `encoder.down_blocks.${levels - 1}.resnets.0`;
  const plain = Math.min(kept.at(-1)!, last - 2 - 2 * latentChannels);
  copyShortcut(array, lastResnet, plain, last);
  const shortcut = array(`${lastResnet}.conv_shortcut.weight`);
  const head = array("encoder.conv_out.weight");
  const headBias = array("encoder.conv_out.bias");
  head.data.fill(0);
  for (let j = 0; j < latentChannels; j++) {
    for (const sign of [1, -1]) {
      const channel = plain + j + (sign === 1 ? 0 : latentChannels);
      clearThenSet(
        shortcut,
        channel,
        rotation[j]!.map((share, component): Tap => [0, 0, component, sign * share * scale]),
      );
      head.set(1, 1, channel, j, sign);
    }
    headBias.data[latentChannels + j] = 2 * Math.log(startDeviation);
  }
  array("encoder.conv_norm_out.weight").data.fill(Math.SQRT2);
  array("decoder.conv_norm_out.weight").data.fill(Math.SQRT2);

  // The decoder.
  setConstants(array, "decoder.conv_in", last);
  for (let j = 0; j < latentChannels; j++) clearThenSet(array("decoder.conv_in.weight"), j, [[1, 1, j, 1]]);
  let reached = tf.tidy(() => {
    const kernel = tf.mul(tf.tensor2d(rotation.map((row) => [...row])), scale);
    const first = tf.slice(top, [0, 0, 0, 0], [-1, -1, -1, latentChannels]);
    return tf.reshape(
      tf.matMul(tf.reshape(first, [-1, latentChannels]), kernel, false, true),
      first.shape,
    ) as tf.Tensor4D;
  });
  for (let block = 0; block < levels; block++) {
    const level = levels - 1 - block;
    const width = blockOutChannels[level]!;
    const name = `decoder.up_blocks.${block}`;
    const have = reached.shape[3];
    if (block > 0 && blockOutChannels[level + 1] !== width) copyShortcut(array, `${name}.resnets.0`, have, width);
    if (level === 0) break;
    const target = pyramid[level - 1]!;
    const fit = await predictFiner(reached, target);
    const up = `${name}.upsamplers.0.conv`;
    for (let out = 0; out < target.shape[3]; out++) {
      clearThenSet(array(`${up}.weight`), out, fit.taps[out]!);
      array(`${up}.bias`).data[out] = fit.bias[out]!;
    }
    setConstants(array, up, width);
    reached.dispose();
    reached = fit.prediction;
  }
  reached.dispose();
  const lastUp = array(`decoder.up_blocks.${levels - 1}.resnets.0.conv_shortcut.weight`);
  const out = array("decoder.conv_out.weight");
  out.data.fill(0);
  for (let c = 0; c < 3; c++) {
    clearThenSet(lastUp, 3 + c, [[0, 0, c, -1]]);
    out.set(1, 1, c, c, 1);
    out.set(1, 1, 3 + c, c, -1);
  }
  tf.dispose(pyramid.slice(1));
  return Object.fromEntries([...arrays].map(([name, one]) => [name, one.toTensor()]));
}

type Tap = readonly [y: number, x: number, channel: number, value: number];

/** A convolution's weight or a vector on the host. */
class Array4 {
  readonly data: Float32Array;
  constructor(readonly shape: readonly number[]) {
    this.data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  }
  set(y: number, x: number, from: number, to: number, value: number): void {
    const [, width, inputs, outputs] = this.shape as [number, number, number, number];
    this.data[((y * width + x) * inputs + from) * outputs + to] = value;
  }
  toTensor(): tf.Tensor {
    return tf.tensor(this.data, [...this.shape]);
  }
}

/**
 * Norms are the identity, the last convolution of a residual branch is 0, others are random and
 * ignore the constants.
 */
function startOf(name: string, torchShape: readonly number[], random: Random): Array4 {
  if (torchShape.length === 1) {
    const vector = new Array4(torchShape);
    if (/norm\w*\.weight$/.test(name)) vector.data.fill(1);
    return vector;
  }
  const [to, from, height, width] = torchShape as [number, number, number, number];
  const weight = new Array4([height, width, from, to]);
  if (name.endsWith(".conv2.weight")) return weight;
  const gain = name.endsWith(".conv1.weight") ? 1.5 : featureGain;
  const deviation = gain / Math.sqrt(from * height * width);
  for (let i = 0; i < weight.data.length; i++) weight.data[i] = deviation * random.normal();
  const seesTrunk = !/encoder\.conv_in|decoder\.conv_in/.test(name);
  if (seesTrunk) {
    for (let tap = 0; tap < height * width; tap++) {
      for (const channel of [from - 2, from - 1]) {
        weight.data.fill(0, (tap * from + channel) * to, (tap * from + channel + 1) * to);
      }
    }
  }
  return weight;
}

/** The last two of `width` output channels become +a and -a everywhere. */
function setConstants(array: (name: string) => Array4, conv: string, width: number): void {
  const a = Math.sqrt(width);
  [a, -a].forEach((value, index) => {
    clearThenSet(array(`${conv}.weight`), width - 2 + index, []);
    array(`${conv}.bias`).data[width - 2 + index] = value;
  });
}

function clearThenSet(weight: Array4, out: number, taps: readonly Tap[]): void {
  const outputs = weight.shape[3]!;
  for (let i = out; i < weight.data.length; i += outputs) weight.data[i] = 0;
  for (const [y, x, channel, value] of taps) weight.set(y, x, channel, out, value);
}

/** The shortcut copies the first `count` channels and sets the constants again. */
function copyShortcut(array: (name: string) => Array4, resnet: string, count: number, width: number): void {
  const weight = array(`${resnet}.conv_shortcut.weight`);
  for (let c = 0; c < count; c++) clearThenSet(weight, c, [[0, 0, c, 1]]);
  setConstants(array, `${resnet}.conv_shortcut`, width);
}

/**
 * Principal directions of 2x2 patches of `features`, halved so that values keep their size from
 * level to level; not centred.
 */
async function patchComponents(
  features: tf.Tensor4D,
  count: number,
): Promise<{ taps: Tap[][]; features: tf.Tensor4D }> {
  const channels = features.shape[3];
  const dimension = 4 * channels;
  const patches = tf.tidy(() => spaceToDepth(features));
  const moments = await tf
    .tidy(() => {
      const rows: tf.Tensor2D = tf.reshape(patches, [-1, dimension]);
      return tf.div(tf.matMul(rows, rows, true, false), rows.shape[0]);
    })
    .data();
  const { vectors } = symmetricEigen(Float64Array.from(symmetric(moments, dimension)), dimension);
  const taps: Tap[][] = [];
  for (let k = 0; k < count; k++) {
    const row: Tap[] = [];
    for (let i = 0; i < dimension; i++) {
      const position = Math.floor(i / channels);
      row.push([position >> 1, position & 1, i % channels, vectors[k * dimension + i]! / 2]);
    }
    taps.push(row);
  }
  const projected = tf.tidy(() => {
    const basis = tf.tensor2d(
      Float32Array.from(vectors.subarray(0, count * dimension), (v) => v / 2),
      [count, dimension],
    );
    const [n, h, w] = patches.shape;
    return tf.reshape(tf.matMul(tf.reshape(patches, [-1, dimension]), basis, false, true), [n, h, w, count]);
  });
  patches.dispose();
  return { taps, features: projected as tf.Tensor4D };
}

function symmetric(matrix: ArrayLike<number>, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    return (matrix[i]! + matrix[column * n + row]!) / 2;
  });
}

/** [n,2h,2w,c] -> [n,h,w,4c] in the order (y, x, channel) */
function spaceToDepth(x: tf.Tensor4D): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const rows = tf.reshape(x, [n * (height / 2), 2, width / 2, 2 * channels]);
  return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [n, height / 2, width / 2, 4 * channels]);
}

/**
 * The best 3x3 convolution after nearest upsampling from `coarse` [n,h,w,c] to `fine` [n,2h,2w,d].
 */
async function predictFiner(
  coarse: tf.Tensor4D,
  fine: tf.Tensor4D,
): Promise<{ taps: Tap[][]; bias: number[]; prediction: tf.Tensor4D }> {
  const channels = coarse.shape[3];
  const outputs = fine.shape[3];
  const inputs = 9 * channels + 1;
  const design = tf.tidy(() => {
    const [n, height, width] = fine.shape;
    const up = tf.image.resizeNearestNeighbor(coarse, [height, width]);
    const padded = tf.pad(up, [[0, 0], [1, 1], [1, 1], [0, 0]]); // prettier-ignore
    const shifted = Array.from({ length: 9 }, (_, tap) =>
      tf.slice(padded, [0, Math.floor(tap / 3), tap % 3, 0], [n, height, width, channels]),
    );
    return tf.reshape(tf.concat([...shifted, tf.ones([n, height, width, 1])], 3), [-1, inputs]) as tf.Tensor2D;
  });
  const target = tf.reshape(fine, [-1, outputs]) as tf.Tensor2D;
  const gram = tf.matMul(design, design, true, false);
  const cross = tf.matMul(design, target, true, false);
  const solution = leastSquares(await gram.data(), await cross.data(), inputs, outputs);
  const prediction = tf.tidy(
    () =>
      tf.reshape(
        tf.matMul(design, tf.tensor2d(Float32Array.from(solution), [inputs, outputs])),
        fine.shape,
      ) as tf.Tensor4D,
  );
  tf.dispose([design, target, gram, cross]);
  const taps = Array.from({ length: outputs }, (_, out) =>
    Array.from({ length: 9 * channels }, (_, i): Tap => {
      const tap = Math.floor(i / channels);
      return [Math.floor(tap / 3), tap % 3, i % channels, solution[i * outputs + out]!];
    }),
  );
  const bias = Array.from({ length: outputs }, (_, out) => solution[(inputs - 1) * outputs + out]!);
  return { taps, bias, prediction };
}

async function meanSquare(x: tf.Tensor): Promise<number> {
  const mean = tf.tidy(() => tf.mean(tf.square(x)));
  const value = (await mean.data())[0]!;
  tf.dispose([mean, x]);
  return value;
}

/**
 * Orthonormal. All entries have one magnitude if n is a power of two; otherwise it is the cosine
 * transform.
 */
function hadamard(n: number): number[][] {
  const isPower = (n & (n - 1)) === 0;
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      if (isPower) return (bitCount(i & j) % 2 ? -1 : 1) / Math.sqrt(n);
      return (j === 0 ? Math.sqrt(1 / n) : Math.sqrt(2 / n)) * Math.cos((Math.PI * (2 * i + 1) * j) / (2 * n));
    }),
  );
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest; rest >>= 1) count += rest & 1;
  return count;
}
