/** Fits the codebooks by k-means, a block of groups at a time, so that memory does not grow with the number of latents. */
import type { FitContext, FitReport, LatentSource } from "@revq/core";
import { kmeans } from "@revq/nearest";
import { groupsAlike, type CodebookSizes } from "./codebook-sizes.js";
import { openFitState } from "./fit-state.js";
import { gatherTokens, population, requireLatents, type TokenPick } from "./gather-tokens.js";
import type { OrderedLayout } from "./layout.js";

export interface FitSettings {
  readonly iterations: number;
  readonly init: "sample" | "kmeans++";
  /** A group with more tokens than this times its codes is fitted on a random subset of that size. */
  readonly samplesPerCode: number;
}

/** Float32 elements of one block, at most: 256 MiB. */
const largestBlock = 2 ** 26;

/** Bytes per element of a block: the tokens, the copy of k-means, and 8 bytes per token. */
function bytesPerElement(dim: number): number {
  return 8 + 8 / dim;
}

interface Block {
  readonly picks: readonly TokenPick[];
  /** Tokens of each group. */
  readonly rows: number;
  /** Codes of each group. */
  readonly codes: number;
}

/**
 * @returns codebooks float32 `[codes of all groups, d]`, and the error and usage of every pass, measured on the tokens that were read;
 *   entry i is that of the codebooks after i updates
 * @throws RevqError `no-latents`; `signal.reason` when aborted
 */
export async function fitCodebooks(
  source: LatentSource,
  layout: OrderedLayout,
  { sizes, starts, total }: CodebookSizes,
  { iterations, init, samplesPerCode }: FitSettings,
  { random, report, signal, checkpoints, memory = Infinity }: FitContext,
): Promise<{ codebooks: Float32Array; report: FitReport }> {
  requireLatents(source);
  const { dim } = layout;
  const wanted = Math.min(largestBlock, Math.floor(memory / bytesPerElement(dim)));
  const resume = openFitState(checkpoints, total * dim, wanted);
  const { codebooks, finished, blockSize } = resume;
  const blocks = planBlocks(source, layout, sizes, samplesPerCode, blockSize, random);
  const passes = new PassTotals(iterations + 1);
  const searches = blocks.reduce((sum, { picks, rows }) => sum + picks.length * rows, 0) * (iterations + 1);
  let searched = 0;

  for (const [index, { picks, rows, codes }] of blocks.entries()) {
    const columns = picks.length;
    const before = finished[index];
    if (before) {
      searched += rows * columns * (iterations + 1);
      passes.add(rows * columns, columns, before.errors, before.usages);
      continue;
    }
    const tokens = await gatherTokens(source, layout, picks, (done, total) => {
      signal.throwIfAborted();
      report({ phase: "read latents", done, total });
    });
    const { start, usages } = resume.begun(index, iterations);
    const fitted = await kmeans(
      tokens,
      { samples: rows, groups: columns, dim },
      {
        codes,
        iterations,
        init,
        seed: random.fork("k-means from group 0").integer(2 ** 32),
        groupNumbers: picks.map(({ group }) => group),
        signal,
        ...(start ? { start } : {}),
        onProgress: ({ iteration, done, distortion }) =>
          report({
            phase: "fit codebooks",
            done: searched + iteration * rows * columns + done,
            total: searches,
            ...(Number.isFinite(distortion) ? { detail: `mse ${distortion.toFixed(4)}` } : {}),
          }),
        onState: (state) => {
          usages.push(fractionUsed(state.counts));
          resume.keep(state, usages);
        },
      },
    ).finally(() => resume.flush());
    usages.push(fitted.usage);
    searched += rows * columns * (iterations + 1);
    passes.add(rows * columns, columns, fitted.distortion, usages);
    picks.forEach(({ group }, column) => {
      const size = codes * dim;
      codebooks.set(fitted.codebooks.subarray(column * size, (column + 1) * size), starts[group]! * dim);
    });
    await resume.finish({ errors: fitted.distortion, usages });
  }
  report({ phase: "fit codebooks", done: searches, total: searches });
  return { codebooks, report: { passes: passes.report() } };
}

function planBlocks(
  source: LatentSource,
  layout: OrderedLayout,
  sizes: readonly number[],
  samplesPerCode: number,
  blockSize: number,
  random: FitContext["random"],
): Block[] {
  const blocks: Block[] = [];
  for (const members of groupsAlike(layout, sizes)) {
    const codes = sizes[members[0]!]!;
    const tokens = population(source, layout, members[0]!);
    const rows = Math.min(tokens, codes * samplesPerCode);
    const columns = Math.max(1, Math.floor(blockSize / (rows * layout.dim)));
    for (let first = 0; first < members.length; first += columns) {
      const picks = members.slice(first, first + columns).map((group) => ({
        group,
        entries: rows < tokens ? random.fork(`subset of group ${group}`).sample(tokens, rows).sort() : null,
      }));
      blocks.push({ picks, rows, codes });
    }
  }
  return blocks;
}

function fractionUsed(counts: ArrayLike<number>): number {
  let used = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) used++;
  return used / counts.length;
}

/** Means over blocks: of the error by tokens, of the usage by groups. A block that converged early keeps its last values. */
class PassTotals {
  private readonly errors: Float64Array;
  private readonly usages: Float64Array;
  private tokens = 0;
  private groups = 0;
  private longest = 0;

  constructor(passes: number) {
    this.errors = new Float64Array(passes);
    this.usages = new Float64Array(passes);
  }

  add(tokens: number, groups: number, errors: readonly number[], usages: readonly number[]): void {
    for (let pass = 0; pass < this.errors.length; pass++) {
      this.errors[pass]! += tokens * (errors[pass] ?? errors.at(-1)!);
      this.usages[pass]! += groups * (usages[pass] ?? usages.at(-1)!);
    }
    this.tokens += tokens;
    this.groups += groups;
    this.longest = Math.max(this.longest, errors.length);
  }

  report(): FitReport["passes"] {
    return Array.from({ length: Math.min(this.longest, this.errors.length) }, (_, pass) => ({
      mse: this.errors[pass]! / this.tokens,
      usage: this.usages[pass]! / this.groups,
    }));
  }
}
