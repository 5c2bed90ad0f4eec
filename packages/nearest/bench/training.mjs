/**
 * The search of a training step: 512 codebooks of 16,384 codes of 4 elements that move a little
 * before every step. With memory of the last step, without it, and with codebooks outside of shared
 * memory. `node bench/training.mjs [threads]` after `tsc -b`.
 */
import { closeWorkers, createSearchMemory, nearestCodes, sharedFloat32 } from "@revq/nearest";
import { createRandom } from "@revq/core";

const threads = Number(process.argv[2] ?? 2);
const [groups, codes, dim] = [512, 16384, 4];
const random = createRandom(1);
const codebooks = sharedFloat32(groups * codes * dim);
for (let i = 0; i < codebooks.length; i++) codebooks[i] = random.normal();
const plain = new Float32Array(codebooks);

for (const samples of [16, 256]) {
  const latents = sharedFloat32(samples * groups * dim);
  for (let i = 0; i < latents.length; i++) latents[i] = random.normal();
  const shape = { samples, groups, codes, dim };
  const memory = createSearchMemory(groups, codes);
  for (const [name, where, options] of [
    ["shared codebooks, memory", codebooks, { memory, trusted: true }],
    ["shared codebooks", codebooks, { trusted: true }],
    ["plain codebooks, checked", plain, {}],
  ]) {
    const runs = [];
    for (let run = 0; run < 6; run++) {
      for (let i = run; i < codebooks.length; i += 64) codebooks[i] += 0.01 * (random.uniform() - 0.5);
      const cpu = process.cpuUsage();
      const start = performance.now();
      await nearestCodes(latents, where, shape, { threads, ...options });
      const used = process.cpuUsage(cpu);
      if (run > 0) runs.push([performance.now() - start, (used.user + used.system) / 1000]);
    }
    const median = (at) => Math.round(runs.map((run) => run[at]).sort((a, b) => a - b)[runs.length >> 1]);
    console.log(JSON.stringify({ samples, name, threads, medianMs: median(0), cpuMs: median(1) }));
  }
}
await closeWorkers();
