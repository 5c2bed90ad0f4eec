/**
 * Peak memory above the inputs for 32 groups of 262,144 codes of 8 elements.
 * `node bench/memory.mjs` after `tsc -b`.
 */
import { closeWorkers, nearestCodes } from "@revq/nearest";

const [samples, groups, codes, dim] = [256, 32, 262144, 8];
let state = 1;
const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296;
const latents = Float32Array.from({ length: samples * groups * dim }, uniform);
const codebooks = new Float32Array(groups * codes * dim);
for (let i = 0; i < codebooks.length; i++) codebooks[i] = uniform();
const inputs = (latents.byteLength + codebooks.byteLength) / 2 ** 20;
const before = process.memoryUsage().rss / 2 ** 20;
const start = performance.now();
await nearestCodes(latents, codebooks, { samples, groups, codes, dim }, { threads: 2 });
const seconds = (performance.now() - start) / 1000;
const peak = process.resourceUsage().maxRSS / 1024;
console.log(
  JSON.stringify({
    inputsMiB: Math.round(inputs),
    beforeMiB: Math.round(before),
    peakMiB: Math.round(peak),
    aboveMiB: Math.round(peak - before),
    seconds: +seconds.toFixed(2),
  }),
);
await closeWorkers();
