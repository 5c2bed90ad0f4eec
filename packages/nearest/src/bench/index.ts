/** @revq/nearest/bench: measures the speed of the search and checks its answers. */
import { createRandom, RevqError } from "@revq/core";
import { nearestCodes, nearestCodesSync } from "../nearest-codes.js";
import type { NearestEngine, NearestOptions } from "../search-options.js";
import { resolveLayout, type NearestShape } from "../shape.js";
import { wasmRuns } from "../wasm/engine.js";
import { defaultThreads } from "../wasm/pool.js";
import { makeBenchData, type BenchData } from "./data.js";

export type { BenchData } from "./data.js";

export interface BenchNearestOptions {
  /** Queries a group. */
  readonly queries: number;
  /** K */
  readonly codes: number;
  /** d */
  readonly dim: number;
  /** Default 1. */
  readonly groups?: number;
  readonly engine?: NearestEngine;
  /** Compares every pair instead of pruning. */
  readonly brute?: boolean;
  /** Default `gaussian`: queries and codes from N(0, 1). `latents` draws both from `latents`. */
  readonly data?: BenchData | readonly BenchData[];
  /** For `latents`: `[n, groups, dim]` or `[n, any multiple of that]`, with n = `latentSamples`. */
  readonly latents?: Float32Array;
  readonly latentSamples?: number;
  readonly threads?: number;
  /** Timed runs; the median counts. Default 5. */
  readonly repeats?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export interface BenchNearestResult {
  readonly data: BenchData;
  readonly engine: "wasm" | "reference";
  readonly method: "auto" | "brute";
  /** Queries x codes / time, as if every pair were compared. The time includes the index. */
  readonly pairsPerSecond: number;
  readonly queriesPerSecond: number;
  /** Milliseconds of the median run, and of the fastest. */
  readonly medianMs: number;
  readonly bestMs: number;
  /**
   * Time to build the trees of all groups on one thread, fastest of three. 0 for brute force and
   * the reference. `auto` may need no tree.
   */
  readonly buildMs: number;
  readonly threads: number;
  /** Peak resident memory of the whole process so far; null if unknown. */
  readonly peakRssMiB: number | null;
  /** Queries out of `checked` with another code or distance than the reference's. */
  readonly mismatches: number;
  readonly checked: number;
}

/**
 * Times `nearestCodes` and checks a sample of its answers against the reference.
 *
 * @example
 * const { results } = await benchNearest({ queries: 64, codes: 32, dim: 4, repeats: 1 });
 * results[0].mismatches; // => 0
 */
export async function benchNearest(options: BenchNearestOptions): Promise<{ results: BenchNearestResult[] }> {
  const { data = "gaussian" } = options;
  const results: BenchNearestResult[] = [];
  for (const kind of typeof data === "string" ? [data] : data) results.push(await benchOne(kind, options));
  return { results };
}

async function benchOne(data: BenchData, options: BenchNearestOptions): Promise<BenchNearestResult> {
  const { queries, codes, dim, groups = 1, brute = false, repeats = 5, seed = 0 } = options;
  const shape: NearestShape = { samples: queries, groups, codes, dim };
  resolveLayout(shape);
  if (queries < 1) throw new RevqError("bench-queries", `${queries} queries cannot be timed; at least 1 is needed.`);
  const engine = options.engine === "reference" || (options.engine !== "wasm" && !wasmRuns()) ? "reference" : "wasm";
  const threads = engine === "reference" ? 1 : (options.threads ?? defaultThreads());
  const random = createRandom(seed);
  const { latents, codebooks } = makeBenchData(data, shape, random, options.latents, options.latentSamples);
  const search: NearestOptions = {
    engine,
    threads,
    method: brute ? "brute" : "auto",
    ...(options.signal ? { signal: options.signal } : {}),
  };

  let found = await nearestCodes(latents, codebooks, shape, search); // compiles, starts the workers
  const times: number[] = [];
  for (let run = 0; run < Math.max(1, repeats); run++) {
    const start = performance.now();
    found = await nearestCodes(latents, codebooks, shape, search);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1]!;

  const sampled = Math.min(queries, Math.max(1, Math.floor(2 ** 25 / (codes * groups * dim))), 256);
  const rows = random.sample(queries, sampled);
  const some = new Float32Array(sampled * groups * dim);
  rows.forEach((row, i) => some.set(latents.subarray(row * groups * dim, (row + 1) * groups * dim), i * groups * dim));
  const expected = nearestCodesSync(some, codebooks, { ...shape, samples: sampled }, { engine: "reference" });
  let mismatches = 0;
  rows.forEach((row, i) => {
    for (let group = 0; group < groups; group++) {
      const [at, from] = [row * groups + group, i * groups + group];
      if (found.indices[at] !== expected.indices[from] || found.distances[at] !== expected.distances[from])
        mismatches++;
    }
  });

  let buildMs = 0;
  if (engine === "wasm" && !brute) {
    const one = latents.subarray(0, groups * dim);
    buildMs = Infinity;
    for (let run = 0; run < 3; run++) {
      const start = performance.now();
      nearestCodesSync(one, codebooks, { ...shape, samples: 1 }, { engine, threads: 1, method: "tree" });
      buildMs = Math.min(buildMs, performance.now() - start);
    }
  }
  const pairs = queries * groups * codes;
  return {
    data,
    engine,
    method: brute ? "brute" : "auto",
    pairsPerSecond: (pairs / median) * 1000,
    queriesPerSecond: ((queries * groups) / median) * 1000,
    medianMs: median,
    bestMs: times[0]!,
    buildMs,
    threads,
    peakRssMiB: peakRssMiB(),
    mismatches,
    checked: sampled * groups,
  };
}

function peakRssMiB(): number | null {
  const { process } = globalThis as { process?: { resourceUsage?(): { maxRSS: number } } };
  const kibibytes = process?.resourceUsage?.().maxRSS;
  return kibibytes === undefined ? null : kibibytes / 1024;
}
