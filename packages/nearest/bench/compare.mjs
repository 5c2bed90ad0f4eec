/**
 * Compares the search with torch.cdist + min, FAISS IndexFlatL2, scipy's cKDTree, kiddo's k-d tree
 * (Rust) and a C++ AVX-512 brute force on the same data. Runs are interleaved, so that other load
 * affects all alike. Prints versions, then medians, best runs and ratios.
 *
 *   tsc -b && PYTHON=python3 node bench/compare.mjs [threads] [rounds] [dimensions, such as 16,32]
 *
 * `CARGO_TARGET_DIR` keeps kiddo's build for the next run.
 * Leaves out what is not installed or does not run here (torch, faiss-cpu, scipy; cargo; g++).
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { closeWorkers, nearestCodes } from "@revq/nearest";
import { createRandom } from "@revq/core";
import { readLatents } from "./latents.mjs";

const threads = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 7);
const dims = process.argv[4]?.split(",").map(Number);
const folder = mkdtempSync(join(tmpdir(), "nearest-"));
const here = new URL(".", import.meta.url).pathname;

function talk(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.on("error", () => {}); // a missing command gives no answer
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
const versions = { node: process.version, cpu: cpus()[0].model, ...(await python.first.catch(() => ({}))) };
for (const who of ["faiss", "scipy", "torch"].filter((name) => versions[name])) {
  contestants[who] = (p) =>
    who === "scipy" && p.dim > 16 // minutes: its boxes prune nothing there
      ? null
      : python.ask(JSON.stringify({ who, n: p.n, codes: p.codes, dim: p.dim, file: p.file }));
}
let cpp;
try {
  const binary = join(folder, "brute");
  execFileSync("g++", ["-O3", "-march=native", "-pthread", join(here, "brute-avx512.cpp"), "-o", binary], {
    stdio: "ignore",
  });
  cpp = talk(binary, [String(threads)]);
  await cpp.first;
  contestants["c++"] = (p) => cpp.ask(`${p.n} ${p.codes} ${p.dim} ${p.file}`);
} catch {
  cpp = undefined;
}
let kiddo;
try {
  if (dims && !dims.some((dim) => dim === 4 || dim === 8)) throw new Error("kiddo: d = 4 and 8 only");
  const target = process.env.CARGO_TARGET_DIR ?? join(folder, "kiddo");
  const project = join(here, "kiddo", "Cargo.toml");
  const flags = { ...process.env, RUSTFLAGS: "-C target-cpu=native" };
  execFileSync("cargo", ["build", "--release", "--manifest-path", project, "--target-dir", target], {
    env: flags,
    stdio: "ignore",
  });
  kiddo = talk(join(target, "release", "kiddo-nearest"), [String(threads)]);
  versions.kiddo = await kiddo.first;
  contestants.kiddo = (p) => kiddo.ask(`${p.n} ${p.codes} ${p.dim} ${p.file}`);
} catch {
  kiddo = undefined;
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
console.log(JSON.stringify(versions));
for (const [data, n, codes, dim] of [
  ["gaussian", 4096, 16384, 4],
  ["gaussian", 65536, 16384, 4],
  ["latents", 4096, 16384, 4],
  ["gaussian", 4096, 16384, 8],
  ["gaussian", 4096, 65536, 8],
  ["latents", 4096, 65536, 8],
  ["latents", 4096, 16384, 8],
  ...[4096, 16384].flatMap((n) =>
    [16, 32, 64, 128].flatMap((dim) => ["gaussian", "latents"].map((data) => [data, n, n, dim])),
  ),
]) {
  if (dims && !dims.includes(dim)) continue;
  if (data === "latents" && !latents) continue;
  const pool = data === "latents" ? channelRows(latents.train, dim, Math.max(32768, n + codes)) : null;
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
  const line = { data, n, codes, dim, threads, load: +loadavg()[0].toFixed(1) };
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const [ours, best] = [median(times.revq), Math.min(...times.revq)];
  for (const [who, list] of Object.entries(times)) {
    const middle = median(list);
    line[who] =
      `${((n * codes) / middle / 1e9).toFixed(2)} (best ${((n * codes) / list[0] / 1e9).toFixed(2)}) Gpairs/s${who === "revq" ? "" : `, revq ${(middle / ours).toFixed(2)}x (best runs ${(list[0] / best).toFixed(2)}x)`}`;
  }
  console.log(JSON.stringify(line, null, 1));
}
python.end();
cpp?.end();
kiddo?.end();
await closeWorkers();

/**
 * Tokens of `dim` numbers of one distribution, shuffled, so that codes and queries come from
 * different tokens. A token is a part of a channel (64 numbers), or dim / 64 channels. As many
 * channels are read as hold `count` tokens.
 */
function channelRows(values, dim, count) {
  const width = Math.max(64, dim);
  const channels = Math.ceil((count * dim) / (8000 * width));
  const out = new Float32Array(channels * 8000 * width);
  for (let part = 0; part < channels; part++) {
    for (let sample = 0; sample < 8000; sample++) {
      const from = sample * 2048 + 5 * 64 + part * width;
      out.set(values.subarray(from, from + width), (part * 8000 + sample) * width);
    }
  }
  const order = createRandom(1).permutation(out.length / dim);
  const shuffled = new Float32Array(out.length);
  order.forEach((from, to) => shuffled.set(out.subarray(from * dim, (from + 1) * dim), to * dim));
  return shuffled;
}
