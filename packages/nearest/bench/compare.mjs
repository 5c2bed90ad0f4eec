/**
 * Compares the search with torch.cdist + min, FAISS IndexFlatL2, scipy's cKDTree and a C++ AVX-512
 * brute force on the same data. Runs are interleaved, so that other load affects all alike. Prints
 * medians and ratios, and the C++ against itself as a check.
 *
 *   tsc -b && PYTHON=python3 node bench/compare.mjs [threads] [rounds]
 *
 * Leaves out what is not installed (torch, faiss-cpu, scipy; g++).
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { closeWorkers, nearestCodes } from "@revq/nearest";
import { createRandom } from "@revq/core";
import { readLatents } from "./latents.mjs";

const threads = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 7);
const folder = mkdtempSync(join(tmpdir(), "nearest-"));
const here = new URL(".", import.meta.url).pathname;

function talk(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await lines.next()).value);
  return {
    first: answer(),
    ask: (question) => (child.stdin.write(`${question}\n`), answer()),
    end: () => child.stdin.end(),
  };
}

const contestants = {};
const python = talk(process.env.PYTHON ?? "python3", [join(here, "compare.py"), String(threads)]);
for (const who of await python.first.catch(() => [])) {
  contestants[who] = (p) => python.ask(JSON.stringify({ who, n: p.n, codes: p.codes, dim: p.dim, file: p.file }));
}
let cpp;
try {
  const binary = join(folder, "brute");
  execFileSync("g++", ["-O3", "-march=native", "-pthread", join(here, "brute-avx512.cpp"), "-o", binary], {
    stdio: "ignore",
  });
  cpp = talk(binary, [String(threads)]);
  await cpp.first;
  contestants["c++ avx-512"] = (p) => cpp.ask(`${p.n} ${p.codes} ${p.dim} ${p.file}`);
} catch {
  cpp = undefined;
}
contestants.revq = async (p) => {
  const start = performance.now();
  await nearestCodes(p.queries, p.codebook, { samples: p.n, groups: 1, codes: p.codes, dim: p.dim }, { threads });
  return (performance.now() - start) / 1000;
};

const latents = readLatents();
const random = createRandom(0);
const gaussian = (length) => Float32Array.from({ length }, () => random.normal());
const rows = (values, first, count, dim) => {
  const out = new Float32Array(count * dim);
  for (let i = 0; i < count; i++) out.set(values.subarray((first + i) * dim, (first + i + 1) * dim), i * dim);
  return out;
};
for (const [data, n, codes, dim] of [
  ["gaussian", 4096, 16384, 4],
  ["gaussian", 65536, 16384, 4],
  ["latents", 4096, 16384, 4],
  ["gaussian", 4096, 16384, 8],
  ["gaussian", 4096, 65536, 8],
  ["latents", 4096, 65536, 8],
  ["gaussian", 4096, 4096, 16],
  ["gaussian", 4096, 4096, 32],
]) {
  if (data === "latents" && !latents) continue;
  // Latents: all tokens of one channel (64 numbers) are alike, so 64 / dim tokens a sample give
  // enough rows of one distribution.
  const pool = data === "latents" ? channelRows(latents.train, 5, dim) : null;
  const queries = pool ? rows(pool, pool.length / dim - n, n, dim) : gaussian(n * dim);
  const codebook = pool ? rows(pool, 0, codes, dim) : gaussian(codes * dim);
  const file = join(folder, `${data}-${n}-${codes}-${dim}.f32`);
  writeFileSync(file, Buffer.concat([Buffer.from(queries.buffer), Buffer.from(codebook.buffer)]));
  const problem = { n, codes, dim, file, queries, codebook };
  const times = {};
  for (let round = -1; round < rounds; round++) {
    for (const [who, run] of Object.entries(contestants)) {
      const seconds = await run(problem);
      if (round >= 0 && seconds !== null) (times[who] ??= []).push(seconds);
    }
  }
  const line = { data, n, codes, dim, threads };
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const ours = median(times.revq);
  for (const [who, list] of Object.entries(times)) {
    const middle = median(list);
    line[who] =
      `${((n * codes) / middle / 1e9).toFixed(2)} (best ${((n * codes) / list[0] / 1e9).toFixed(2)}) Gpairs/s${who === "revq" ? "" : `, revq ${(middle / ours).toFixed(1)}x`}`;
  }
  console.log(JSON.stringify(line, null, 1));
}
python.end();
cpp?.end();
await closeWorkers();

function channelRows(values, channel, dim) {
  const out = new Float32Array(8000 * 64);
  for (let sample = 0; sample < 8000; sample++)
    out.set(values.subarray(sample * 2048 + channel * 64, sample * 2048 + channel * 64 + 64), sample * 64);
  // Shuffled, so that codes and queries come from different tokens but one distribution.
  const order = createRandom(1).permutation(out.length / dim);
  const shuffled = new Float32Array(out.length);
  order.forEach((from, to) => shuffled.set(out.subarray(from * dim, (from + 1) * dim), to * dim));
  return shuffled;
}
