/**
 * What a step of the picture stage costs on an engine: crops of latents decoded by TAESD 3 or the bundled VAE, and the LPIPS (squeeze)
 * of the pictures, forward and backward, parts and whole. Prints medians of wall and processor time in milliseconds, the ratios of processor time
 * to the plain decode of the same latents, and the load of the machine.
 *
 * Run after `tsc -b`: node tools/bench/picture-step.mjs WEIGHTS [rounds] [crop] [batch] [engine] [part]
 * WEIGHTS is a folder with taesd3_encoder.safetensors and taesd3_decoder.safetensors, or "bundled".
 */
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { sdVae } from "@revq/backbone-sd-vae";
import { tae } from "@revq/backbone-tae";
import { createRandom, parseOptions } from "@revq/core";
import { createEngine } from "@revq/engine";
import { openSafetensors } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import { createLpips, lpipsTensors } from "@revq/metrics/networks";
import { createAdversary } from "@revq/train";
import { lpipsFiles, lpipsFolder } from "@revq/weights-lpips";
import { weightsFolder } from "@revq/weights-tiny-sd-vae";
import * as tf from "@tensorflow/tfjs-core";

const [folder, rounds = "7", crop = "16", batch = "4", engineId = "onnx", only] = process.argv.slice(2);
const [side, n] = [Number(crop), Number(batch)];

async function readTensors(name, wanted) {
  const file = await openSafetensors(await fromFile(fileURLToPath(new URL(name, lpipsFolder))));
  const entries = [...wanted.keys()].map(async (key) => {
    const { shape, data } = await file.readFloat32(key);
    return [key, tf.tensor(data, shape)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

const engine = await createEngine({ engine: engineId });
const bundled = folder === "bundled";
const [plugin, options] = bundled ? [sdVae, {}] : [tae, { variant: "taesd3" }];
const backbone = await plugin.create(parseOptions(plugin, options), {
  imageSize: 256,
  weights: await openWeights(bundled ? fileURLToPath(weightsFolder) : folder),
});
const { downsample, latentChannels } = backbone.spec;
const needed = lpipsTensors("squeeze");
const lpips = createLpips("squeeze", {
  backbone: await readTensors(lpipsFiles[0], needed.backbone),
  heads: await readTensors(lpipsFiles[1], needed.heads),
});
const latents = tf.randomNormal([n, side, side, latentChannels], 0, 1, "float32", 1);
const others = tf.add(latents, tf.randomNormal(latents.shape, 0, 0.3, "float32", 2));
const images = tf.randomUniform([n, downsample * side, downsample * side, 3], -1, 1, "float32", 3);
const direction = tf.randomNormal(images.shape, 0, 1, "float32", 4);
const targets = lpips.features(images);
const decoder = backbone.gradients;
const names = decoder.stages.flat();
/** Copies: tensors of the state itself would also get the gradients of the frozen decoder. */
const weights = names.map((name) => tf.clone(backbone.state()[name]));

/** The loss of the picture stage: LPIPS, pixels and the decoder's own features. */
function pictureLoss(x, goal, given) {
  const made = decoder.decode(x, given);
  const wanted = decoder.decode(goal);
  const features = made.features.map((feature, i) => tf.losses.meanSquaredError(wanted.features[i], feature));
  const pixels = tf.losses.meanSquaredError(wanted.images, made.images);
  return tf.addN([tf.mean(lpips.distance(made.images, wanted.images)), pixels, ...features]);
}
/** The loss of an adapted decoder: LPIPS and pixels, against photographs. */
const lossOf = (made) =>
  tf.add(tf.mean(lpips.compare(lpips.features(made), targets)), tf.losses.meanSquaredError(images, made));
const adversary = createAdversary({ weight: 1, learningRate: 2e-4, clipNorm: 1, random: createRandom(5) });
function adversarialStep() {
  let pictures;
  const grads = tf.grads((x, ...given) => {
    pictures = tf.keep(decoder.decode(x, named(given)).images);
    return adversary.oppose(pictures, lossOf);
  })([others, ...weights]);
  const hinge = adversary.learn(images, pictures);
  pictures.dispose();
  return [...grads, hinge];
}
const named = (tensors) => Object.fromEntries(names.map((name, i) => [name, tensors[i]]));

const parts = {
  "decode with gradients, forward": () => decoder.decode(latents).images,
  "decode, forward and backward": () => tf.grad((x) => tf.sum(tf.mul(decoder.decode(x).images, direction)))(latents),
  "decode, forward, backward, all weights": () =>
    tf.grads((x, ...given) => tf.sum(tf.mul(decoder.decode(x, named(given)).images, direction)))([latents, ...weights]),
  "lpips features, forward": () => lpips.features(images),
  "lpips of one side, forward and backward": () =>
    tf.grad((x) => tf.mean(lpips.compare(lpips.features(x), targets)))(direction),
  "picture step": () => tf.grad((x) => pictureLoss(x, latents))(others),
  "picture step, all weights": () =>
    tf.grads((x, ...given) => pictureLoss(x, latents, named(given)))([others, ...weights]),
  "adapting step, all weights": () =>
    tf.grads((x, ...given) => lossOf(decoder.decode(x, named(given)).images))([others, ...weights]),
  "adapting step, discriminator": adversarialStep,
};

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
async function measure(part) {
  const used = process.cpuUsage();
  const begun = performance.now();
  const result = await part();
  for (const tensor of [result].flat()) await tensor.data();
  tf.dispose(result);
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - begun, processor: (user + system) / 1000 };
}

const all = { "decode (plain)": () => backbone.decode(latents) };
for (const [name, part] of Object.entries(parts)) all[name] = () => tf.tidy(part);
const chosen = Object.entries(all).filter(([name], index) => index === 0 || !only || name.includes(only));
const times = new Map(chosen.map(([name]) => [name, []]));
// In turns, so that other work on the machine slows all parts alike. The first two rounds compile.
for (let round = -2; round < Number(rounds); round++) {
  for (const [name, part] of chosen) {
    const time = await measure(part);
    if (round >= 0) times.get(name).push(time);
  }
}
const medians = (name) => ["wall", "processor"].map((what) => median(times.get(name).map((time) => time[what])));
const [, plain] = medians(chosen[0][0]);
for (const [name] of chosen) {
  const [wall, processor] = medians(name);
  const ratio = (processor / plain).toFixed(2);
  console.log(`${name.padEnd(42)} ${wall.toFixed(0)} ms, processor ${processor.toFixed(0)} ms, ratio ${ratio}`);
}
console.log(`engine ${engineId}, ${n} crops of ${side} x ${side}, load ${loadavg()[0].toFixed(1)}`);
tf.dispose(targets);
lpips.dispose();
adversary.dispose();
backbone.dispose();
engine.dispose();
