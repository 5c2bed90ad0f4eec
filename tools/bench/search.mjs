/**
 * What the search of several tokenizers costs on the same latents: in turns, medians of wall and processor time, and the ratios to the
 * first. The transform is not counted.
 *
 * Run after `tsc -b`: node tools/bench/search.mjs LATENTS.npy TOKENIZER TOKENIZER... [--rounds 10] [--engine onnx]
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "10" }, engine: { type: "string", default: "onnx" } },
});
const [file, ...folders] = positionals;
const { shape, data } = await readNpy(await fromFile(file));
const contestants = [];
for (const folder of folders) {
  const { parts } = await Tokenizer.load(folder, { engine: values.engine });
  const latents = tf.transpose(tf.tensor4d(data, shape), [0, 2, 3, 1]);
  const { coefficients } = await parts.space.forward(latents);
  contestants.push({ folder, quantizer: parts.quantizer, coefficients, times: [] });
}
for (let round = -2; round < Number(values.rounds); round++) {
  for (const { quantizer, coefficients, times } of contestants) {
    const [started, used] = [performance.now(), process.cpuUsage()];
    const ids = await quantizer.quantize(coefficients);
    await ids.data();
    const wall = performance.now() - started;
    const { user, system } = process.cpuUsage(used);
    if (round >= 0) times.push({ wall: wall / shape[0], processor: (user + system) / 1000 / shape[0] });
    ids.dispose();
  }
}
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const medians = contestants.map(({ times }) => ({
  wall: median(times.map(({ wall }) => wall)),
  processor: median(times.map(({ processor }) => processor)),
}));
for (const [i, { folder }] of contestants.entries()) {
  const text = Object.entries(medians[i]).map(
    ([what, ms]) => `${what} ${ms.toFixed(3)} ms a latent (${(ms / medians[0][what]).toFixed(2)} times the first)`,
  );
  console.log(`${folder}: ${text.join(", ")}`);
}
console.log(`load ${loadavg()[0].toFixed(1)}`);
