/** Keeps the items with the highest and the lowest scores. */

export interface Ranked<T> {
  readonly score: number;
  readonly item: T;
}

export class Extremes<T> {
  /** Lowest score first. */
  readonly worst: Ranked<T>[] = [];
  /** Highest score first. */
  readonly best: Ranked<T>[] = [];

  constructor(private readonly count: number) {}

  /** True when an item of this score would be kept now. */
  wants(score: number): boolean {
    if (this.count === 0) return false;
    const full = (list: readonly Ranked<T>[]): boolean => list.length === this.count;
    return !full(this.worst) || score < this.worst.at(-1)!.score || score > this.best.at(-1)!.score;
  }

  add(score: number, item: T): void {
    insert(this.worst, { score, item }, this.count, (a, b) => a - b);
    insert(this.best, { score, item }, this.count, (a, b) => b - a);
  }
}

function insert<T>(list: Ranked<T>[], entry: Ranked<T>, count: number, order: (a: number, b: number) => number): void {
  const at = list.findIndex(({ score }) => order(entry.score, score) < 0);
  list.splice(at === -1 ? list.length : at, 0, entry);
  if (list.length > count) list.pop();
}
