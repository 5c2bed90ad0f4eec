/** Reads tokens of a latent source into one array, group by group, without holding more of the source than a chunk. */
import { RevqError, latentSize, type LatentSource } from "@revq/core";
import type { MultigroupLayout, OrderedLayout } from "./layout.js";

/**
 * Tokens of one group. Its population is every sample's tokens of the group, sample by sample: entry p is token
 * `tokensOf[group][p % s]` of sample `floor(p / s)`, with s tokens of the group in a sample.
 */
export interface TokenPick {
  readonly group: number;
  /** Ascending entries of the population; null takes all. */
  readonly entries: Int32Array | null;
}

/** The number of tokens of a group in a source. */
export function population(source: LatentSource, layout: MultigroupLayout, group: number): number {
  return source.count * layout.tokensOf[group]!.length;
}

/**
 * @param picks as many entries each
 * @returns float32 `[entries, picks.length, d]`
 */
export async function gatherTokens(
  source: LatentSource,
  layout: OrderedLayout,
  picks: readonly TokenPick[],
  step: (samplesDone: number, samples: number) => void = () => {},
): Promise<Float32Array> {
  const { dim, order, tokensOf } = layout;
  const size = latentSize(layout.shape);
  const columns = picks.length;
  const rows = columns === 0 ? 0 : (picks[0]!.entries?.length ?? population(source, layout, picks[0]!.group));
  const gathered = new Float32Array(rows * columns * dim);
  const next = new Int32Array(columns);

  const samples = samplesOf(source, layout, picks);
  const chunk = Math.max(1, Math.floor(2 ** 21 / size));
  for (let first = 0; first < samples.length; first += chunk) {
    step(first, samples.length);
    const read = samples.subarray(first, first + chunk);
    const values = await source.read(read);
    picks.forEach(({ group, entries }, column) => {
      const tokens = tokensOf[group]!;
      let row = next[column]!;
      for (let r = 0; r < read.length; r++) {
        const start = read[r]! * tokens.length;
        const end = start + tokens.length;
        while (row < rows) {
          const entry = entries ? entries[row]! : row;
          if (entry >= end) break;
          const from = tokens[entry - start]! * dim;
          const to = (row * columns + column) * dim;
          for (let i = 0; i < dim; i++) gathered[to + i] = values[r * size + order[from + i]!]!;
          row++;
        }
      }
      next[column] = row;
    });
  }
  return gathered;
}

/** Every sample that a pick needs, ascending. */
function samplesOf(source: LatentSource, layout: MultigroupLayout, picks: readonly TokenPick[]): Int32Array {
  const needed = new Uint8Array(source.count);
  for (const { group, entries } of picks) {
    const each = layout.tokensOf[group]!.length;
    if (!entries) needed.fill(1);
    else for (const entry of entries) needed[Math.floor(entry / each)] = 1;
  }
  const samples = new Int32Array(needed.reduce((count, flag) => count + flag, 0));
  let next = 0;
  needed.forEach((flag, sample) => {
    if (flag) samples[next++] = sample;
  });
  return samples;
}

/** Throws `no-latents` when the source is empty. */
export function requireLatents(source: LatentSource): void {
  if (source.count > 0) return;
  throw new RevqError("no-latents", "There are no latents to make codebooks of; at least one is needed.", {
    fix: "Check where the training data are.",
  });
}
