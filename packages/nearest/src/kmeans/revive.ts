/**
 * Empty cells get work: the cell with the largest total distortion is split in two, its code moved half a step to either side.
 * The step is normal noise in proportion to the cell's own size, so tight cells are split finely and wide ones widely.
 */
import type { Random } from "@revq/core";

/** One group's cells, overwritten. */
export interface Cells {
  /** `[codes, dim]` */
  readonly codebook: Float32Array;
  readonly dim: number;
  /** Hits of every code, `[codes]`. */
  readonly counts: Float64Array;
  /** Sum of squared distances in every cell, `[codes]`. */
  readonly distortions: Float64Array;
}

/** Splits one cell for each empty one; returns how many there were. `counts` and `distortions` become the estimate after it. */
export function reviveEmptyCells(cells: Cells, random: Random): number {
  const { codebook, dim, counts, distortions } = cells;
  const empty: number[] = [];
  for (let code = 0; code < counts.length; code++) if (counts[code] === 0) empty.push(code);
  if (empty.length === 0 || empty.length === counts.length) return 0;

  const heap = new CellHeap(counts, distortions);
  for (let code = 0; code < counts.length; code++) if (counts[code]! > 0) heap.push(code);
  for (const code of empty) {
    const split = heap.pop();
    const count = counts[split]!;
    const size = Math.sqrt(distortions[split]! / (Math.max(1, count) * dim));
    const deviation = size < Infinity ? size : 0; // distances beyond the float32 range say nothing, and codes must stay finite
    for (let i = 0; i < dim; i++) {
      const centre = codebook[split * dim + i]!;
      const shift = 0.5 * deviation * random.normal();
      codebook[code * dim + i] = clamp(centre + shift);
      codebook[split * dim + i] = clamp(centre - shift);
    }
    // Halving a cell of dimension d leaves 2^(-2/d) of its distortion (Zador's rate at high resolution).
    const left = (distortions[split]! * 2 ** (-2 / dim)) / 2;
    for (const half of [split, code]) {
      counts[half] = count / 2;
      distortions[half] = left;
      heap.push(half);
    }
  }
  return empty.length;
}

const largest = 2 ** 127 * (2 - 2 ** -23); // of float32

const clamp = (value: number): number => Math.max(-largest, Math.min(largest, value));

/** Cells by distortion, largest first; of equal ones the fullest, then the lowest index, so that the order is determined. */
class CellHeap {
  private readonly cells: number[] = [];

  constructor(
    private readonly counts: Float64Array,
    private readonly distortions: Float64Array,
  ) {}

  private before(a: number, b: number): boolean {
    const difference = this.distortions[a]! - this.distortions[b]!;
    if (difference !== 0) return difference > 0;
    return this.counts[a] === this.counts[b] ? a < b : this.counts[a]! > this.counts[b]!;
  }

  push(cell: number): void {
    const { cells } = this;
    let place = cells.length;
    cells.push(cell);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.before(cell, cells[parent]!)) break;
      cells[place] = cells[parent]!;
      place = parent;
    }
    cells[place] = cell;
  }

  /** The first cell. The heap must not be empty. */
  pop(): number {
    const { cells } = this;
    const top = cells[0]!;
    const last = cells.pop()!;
    if (cells.length === 0) return top;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= cells.length) break;
      if (child + 1 < cells.length && this.before(cells[child + 1]!, cells[child]!)) child++;
      if (!this.before(cells[child]!, last)) break;
      cells[place] = cells[child]!;
      place = child;
    }
    cells[place] = last;
    return top;
  }
}
