/**
 * Times what no command of revq times on a GPU: gradients of convolutions, and the fused search. Prints rows as JSON.
 *
 *   node gpu-kernels.mjs gradients|search [quick|full]
 */
import { createEngine, registerGradients } from "@revq/engine";
import { nearestCodesWebGPU } from "@revq/nearest/webgpu";
import { nearestCodes } from "@revq/nearest";
import * as tf from "@tensorflow/tfjs-core";

const [what, size = "full"] = process.argv.slice(2);
const quick = size === "quick";
const repeats = quick ? 2 : 9;

await createEngine({ engine: "webgpu", onNote: (note) => console.error(note) });
await registerGradients();
const rows = await { gradients, search }[what]();
console.log(JSON.stringify(rows));
process.exit(0); // Dawn keeps the process alive

/** Of a 3 x 3 convolution by its input and by its filter. */
async function gradients() {
  const rows = [];
  for (const [batch, side, channels] of quick
    ? [[1, 8, 8]]
    : [
        [4, 64, 64],
        [4, 64, 256],
        [16, 8, 512],
      ]) {
    const image = tf.randomNormal([batch, side, side, channels]);
    const filter = tf.randomNormal([3, 3, channels, channels], 0, (9 * channels) ** -0.5);
    const backward = tf.grads((x, w) => tf.conv2d(x, w, 1, "same"));
    const ms = await medianMs(() => {
      const [byImage, byFilter] = tf.tidy(() => backward([image, filter], image));
      return [byImage, byFilter];
    });
    // The forward pass is computed too: three convolutions.
    const flops = 3 * 2 * 9 * channels ** 2 * side ** 2 * batch;
    rows.push({
      what: `gradients of 3x3, ${channels} channels, ${batch} x ${side}x${side}`,
      ms,
      gflops: flops / ms / 1e6,
    });
    tf.dispose([image, filter]);
  }
  return rows;
}

/** Queries and codes of a Gaussian; 256 answers are compared with the search of the CPU. */
async function search() {
  const rows = [];
  const cases = quick ? [[256, 64, 4]] : [4, 8, 16, 32].map((dim) => [65_536, 16_384, dim]);
  for (const [queries, codes, dim] of cases) {
    const latents = tf.randomNormal([queries, 1, dim]);
    const codebooks = tf.randomNormal([1, codes, dim]);
    const ms = await medianMs(() => Object.values(nearestCodesWebGPU(latents, codebooks)));
    const { indices, distances } = nearestCodesWebGPU(latents, codebooks);
    const found = await indices.data();
    const checked = Math.min(256, queries);
    const sample = (await latents.data()).slice(0, checked * dim);
    const shape = { samples: checked, tokens: 1, groups: 1, codes, dim };
    const expected = await nearestCodes(sample, await codebooks.data(), shape);
    const equal = Array.from(expected.indices).filter((code, i) => code === found[i]).length;
    rows.push({ queries, codes, dim, ms, pairsPerSecond: (queries * codes * 1000) / ms, checked, equal });
    tf.dispose([latents, codebooks, indices, distances]);
  }
  return rows;
}

/** Two runs warm up. Each is waited for by reading its last result. */
async function medianMs(run) {
  const times = [];
  for (let i = -2; i < repeats; i++) {
    const started = performance.now();
    const results = run();
    await tf.slice(tf.reshape(results.at(-1), [-1]), 0, 1).data();
    if (i >= 0) times.push(performance.now() - started);
    tf.dispose(results);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
