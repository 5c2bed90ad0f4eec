/**
 * Compares k-means on real latents with Lloyd's algorithm on a C++ AVX-512 brute-force search (AVX2
 * without it): wall and processor time, and validation mse. Both start from the same codebooks and
 * run in turns. Leaves out the C++ without g++.
 *
 *   tsc -b && node bench/kmeans.mjs [threads] [rounds] [512 or 256 tokens alone]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { closeWorkers, kmeans, nearestCodes } from "@revq/nearest";
import { readLatents } from "./latents.mjs";

const latents = readLatents();
if (!latents) throw new Error("The latents of ../shared/data are missing (REVQ_SHARED says where they are).");
const threads = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 3);
const only = process.argv[4] === undefined ? null : Number(process.argv[4]);
const folder = mkdtempSync(join(tmpdir(), "kmeans-"));
const binary = compile();
const round = (value, digits) => +value.toFixed(digits);

for (const [tokens, codes] of [
  [512, 1024],
  [256, 512],
]) {
  if (only !== null && tokens !== only) continue;
  const dim = 2048 / tokens;
  const fit = (options) =>
    kmeans(
      latents.train,
      { samples: 8000, groups: tokens, dim },
      { codes, threads, seed: 0, measure: false, ...options },
    );
  const initial = (await fit({ iterations: 0 })).codebooks;
  const validate = async (codebooks) => {
    const layout = { samples: 100, groups: tokens, codes, dim };
    const { distances } = await nearestCodes(latents.val, codebooks, layout, { threads });
    return round(distances.reduce((sum, x) => sum + x, 0) / (100 * 2048), 5);
  };
  const input = join(folder, "input.f32");
  const output = join(folder, "output.f32");
  if (binary) writeFileSync(input, Buffer.concat([latents.train, initial].map((x) => Buffer.from(x.buffer))));
  const runs = { revq: [], cpp: [] };
  const results = {};
  for (let i = 0; i < rounds; i++) {
    const passes = [];
    const started = performance.now();
    const cpu = process.cpuUsage();
    let last = started;
    const fitted = await fit({
      iterations: 10,
      onProgress({ iteration, done, total }) {
        if (done < total || passes.length > iteration) return;
        passes.push(Math.round(performance.now() - last));
        last = performance.now();
      },
    });
    const seconds = (performance.now() - started) / 1000;
    const used = process.cpuUsage(cpu);
    runs.revq.push({ seconds, cpuSeconds: (used.user + used.system) / 1e6, passes });
    results.revq = { valMse: await validate(fitted.codebooks), revived: fitted.revived.reduce((a, b) => a + b, 0) };
    if (!binary) continue;
    const args = [threads, 8000, tokens, codes, dim, 10, input, output].map(String);
    runs.cpp.push(JSON.parse(execFileSync(binary, args)));
    results.cpp = { valMse: await validate(new Float32Array(new Uint8Array(readFileSync(output)).buffer)) };
  }
  const median = (who, key) => runs[who].map((run) => run[key]).sort((a, b) => a - b)[runs[who].length >> 1];
  const line = { tokens, codes, dim, threads, rounds, load: round(loadavg()[0], 1) };
  for (const who of Object.keys(results)) {
    line[who] = {
      seconds: round(median(who, "seconds"), 2),
      cpuSeconds: round(median(who, "cpuSeconds"), 2),
      ...results[who],
    };
  }
  if (binary) {
    line.ratio = round(line.revq.seconds / line.cpp.seconds, 2);
    line.cpuRatio = round(line.revq.cpuSeconds / line.cpp.cpuSeconds, 2);
  }
  line.passes = runs.revq.at(-1).passes;
  console.log(JSON.stringify(line, null, 1));
}
rmSync(folder, { recursive: true });
await closeWorkers();

function compile() {
  const source = new URL("kmeans-avx512.cpp", import.meta.url).pathname;
  const out = join(folder, "kmeans");
  try {
    execFileSync("g++", ["-O3", "-march=native", "-pthread", source, "-o", out], { stdio: "ignore" });
    return out;
  } catch {
    return null;
  }
}
