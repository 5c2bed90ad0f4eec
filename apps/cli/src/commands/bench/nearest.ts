import { Flags } from "@oclif/core";
import type { NearestEngine } from "@revq/nearest";
import type { BenchData, BenchNearestResult } from "@revq/nearest/bench";
import { BaseCommand } from "../../base-command.js";

const dataNames = ["gaussian", "uniform", "latents"] as const satisfies readonly BenchData[];

export default class BenchNearest extends BaseCommand {
  static override summary = "Time the search for nearest codes, and check its answers.";
  static override description =
    "Pairs are queries x codes, as if every pair were compared. The time includes building the index. A sample of the answers is compared with the exact reference: any mismatch is a defect.";
  static override examples = [
    "<%= config.bin %> bench nearest --queries 4096 --codes 16384 --dim 4",
    {
      description: "Without pruning, on 32 codebooks:",
      command: "<%= config.bin %> bench nearest --queries 4096 --codes 1024 --dim 8 --groups 32 --brute",
    },
    {
      description: "On latents of your own:",
      command: "<%= config.bin %> bench nearest --queries 4000 --codes 1024 --dim 4 --latents latents.npy",
    },
  ];
  static override flags = {
    queries: Flags.integer({ description: "queries in each group", min: 1, default: 4096 }),
    codes: Flags.integer({ description: "codes in each codebook (K)", min: 1, default: 16384 }),
    dim: Flags.integer({ description: "elements of a code (d)", min: 1, default: 4 }),
    groups: Flags.integer({ description: "codebooks, each with its own queries", min: 1, default: 1 }),
    engine: Flags.string({
      description: "auto, wasm (SIMD WebAssembly on worker threads) or reference (plain TypeScript)",
      options: ["auto", "wasm", "reference"] as const,
      default: "auto",
      helpValue: "<id>",
    }),
    brute: Flags.boolean({ description: "compare every pair instead of pruning" }),
    data: Flags.string({
      description: "distribution of queries and codes; may be given several times (default gaussian)",
      options: dataNames,
      multiple: true,
    }),
    latents: Flags.string({
      description: "float16/32 .npy [n, ...]; implies --data latents",
      helpValue: "<file>",
    }),
    threads: Flags.integer({ description: "worker threads (default: one a core)", min: 1 }),
    repeats: Flags.integer({ description: "timed runs; the median counts", min: 1, default: 5 }),
  };

  async run(): Promise<{ results: BenchNearestResult[] }> {
    const { flags } = await this.parse(BenchNearest);
    const { queries, codes, dim, groups, engine, brute, threads, repeats } = flags;
    const data = (flags.data as BenchData[] | undefined) ?? [flags.latents === undefined ? "gaussian" : "latents"];
    const { closeWorkers } = await import("@revq/nearest");
    const { benchNearest } = await import("@revq/nearest/bench");
    const { readBenchLatents } = await import("../../bench/read-latents.js");
    const { results } = await benchNearest({
      queries,
      codes,
      dim,
      groups,
      engine: engine as NearestEngine,
      brute,
      repeats,
      data,
      signal: this.signal,
      ...(threads === undefined ? {} : { threads }),
      ...(data.includes("latents") ? await readBenchLatents(flags.latents, groups * dim) : {}),
    }).finally(closeWorkers);
    this.log(`${queries} queries, ${codes} codes of ${dim} elements, ${groups} ${groups === 1 ? "group" : "groups"}\n`);
    for (const result of results) {
      this.log(
        `  ${result.data.padEnd(9)} ${(result.pairsPerSecond / 1e9).toFixed(2)} Gpairs/s, ${count(result.queriesPerSecond)} queries/s ` +
          `(${result.engine}, ${result.threads} ${result.threads === 1 ? "thread" : "threads"}, index ${result.buildMs.toFixed(1)} ms, ` +
          `${result.mismatches} of ${result.checked} checked answers wrong)`,
      );
    }
    return { results };
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
