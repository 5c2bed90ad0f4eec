/** Which trials are the best: the quality that ranks them, what it costs, and the Pareto front. */
import type { TrialRow } from "./table.js";

export interface Ranking {
  /** The first of LPIPS, PSNR and latent mse that all trials have. */
  readonly quality: "lpips" | "psnr" | "rectifiedMse";
  /** What the front compares the quality with: bits, or the time of training if all spend equal bits. */
  readonly cost: "bitsPerImage" | "seconds";
  /** The trial of the best quality. */
  readonly best: string;
  /** Trials that no other one beats in both, by rising cost. */
  readonly front: readonly string[];
  /** Of all trials, the fewest and the most. */
  readonly bits: readonly [fewest: number, most: number];
}

/** Bits that differ by less are equal: a grid seldom has exactly as many as were asked for. */
const tolerance = 0.01;

/** Null without trials. */
export function rankTrials(rows: readonly TrialRow[]): Ranking | null {
  if (rows.length === 0) return null;
  const quality = (["lpips", "psnr"] as const).find((key) => rows.every((row) => row[key] !== null)) ?? "rectifiedMse";
  const sign = quality === "psnr" ? -1 : 1;
  const bits = rows.map(({ bitsPerImage }) => bitsPerImage);
  const range = [Math.min(...bits), Math.max(...bits)] as const;
  const cost = spendEqualBits({ bits: range }) ? "seconds" : "bitsPerImage";
  const loss = (row: TrialRow): number => sign * row[quality]!;
  const byCost = [...rows].sort((a, b) => a[cost] - b[cost] || loss(a) - loss(b));
  const front: TrialRow[] = [];
  for (const row of byCost) if (front.length === 0 || loss(row) < loss(front.at(-1)!)) front.push(row);
  const best = rows.reduce((found, row) => (loss(row) < loss(found) ? row : found));
  return { quality, cost, best: best.name, front: front.map(({ name }) => name), bits: range };
}

/** Within 1 %. */
export function spendEqualBits({ bits: [fewest, most] }: Pick<Ranking, "bits">): boolean {
  return most <= fewest * (1 + tolerance);
}

/** What a reader must know to compare the trials; null if they spend equal bits. */
export function unequalBits(ranking: Ranking): string | null {
  if (spendEqualBits(ranking)) return null;
  const [fewest, most] = ranking.bits.map((bits) => bits.toFixed(0));
  return `The trials spend ${fewest} to ${most} bits an image. Compare those of equal bits, or curves; a budget of bits makes trials equal.`;
}
