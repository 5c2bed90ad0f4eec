/** k-means of all groups on real latents: time and validation mse. `node bench/kmeans.mjs [threads]` after `tsc -b`. */
import { closeWorkers, kmeans, nearestCodes } from "@revq/nearest";
import { readLatents } from "./latents.mjs";

const latents = readLatents();
if (!latents) throw new Error("The latents of ../shared/data are missing (REVQ_SHARED says where they are).");
const threads = Number(process.argv[2] ?? 2);

for (const [tokens, codes] of [
  [512, 1024],
  [256, 512],
]) {
  const dim = 2048 / tokens;
  for (const seed of [0, 1]) {
    const started = performance.now();
    const cpu = process.cpuUsage();
    const times = [];
    let last = started;
    const { codebooks, distortion, revived } = await kmeans(
      latents.train,
      { samples: 8000, groups: tokens, dim },
      {
        codes,
        iterations: 10,
        threads,
        seed,
        measure: false,
        onState() {
          times.push(Math.round(performance.now() - last));
          last = performance.now();
        },
      },
    );
    const seconds = (performance.now() - started) / 1000;
    const used = process.cpuUsage(cpu);
    const { distances } = await nearestCodes(
      latents.val,
      codebooks,
      { samples: 100, groups: tokens, codes, dim },
      { threads },
    );
    const mse = distances.reduce((sum, x) => sum + x, 0) / (100 * 2048);
    console.log(
      JSON.stringify({
        tokens,
        codes,
        dim,
        threads,
        seed,
        seconds: +seconds.toFixed(2),
        cpuSeconds: +((used.user + used.system) / 1e6).toFixed(2),
        passes: times,
        valMse: +mse.toFixed(5),
        train: +distortion.at(-1).toFixed(5),
        revived: revived.reduce((a, b) => a + b, 0),
      }),
    );
  }
}
await closeWorkers();
