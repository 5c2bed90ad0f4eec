/**
 * AdamW over 33.5 million elements: 512 codebooks of 16,384 codes of 4 elements.
 * `node bench/adamw.mjs` after `tsc -b`.
 */
import { adamwStep, adamwStepRows } from "@revq/nearest";

const [rows, dim] = [512 * 16384, 4];
const fill = (scale) => Float32Array.from({ length: rows * dim }, (_, i) => Math.sin(i) * scale);
const [param, grad, m, v] = [fill(1), fill(1e-3), fill(1e-4), fill(1e-8).map(Math.abs)];
const hit = Int32Array.from({ length: 512 * 256 }, (_, i) => Math.floor((i * rows) / (512 * 256)));
const rowGrads = grad.subarray(0, hit.length * dim);
for (const [name, run] of [
  ["dense", (step) => adamwStep(param, grad, m, v, { lr: 0.01, step })],
  ["rows", (step) => adamwStepRows(param, hit, rowGrads, dim, m, v, { lr: 0.01, step })],
]) {
  const times = [];
  const cpus = [];
  for (let step = 1; step <= 7; step++) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    run(step);
    times.push(performance.now() - start);
    const used = process.cpuUsage(cpu);
    cpus.push((used.user + used.system) / 1000);
  }
  times.sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      name,
      numbers: rows * dim,
      medianMs: Math.round(times[3]),
      bestMs: Math.round(times[0]),
      cpuMs: Math.round(Math.min(...cpus)),
    }),
  );
}
