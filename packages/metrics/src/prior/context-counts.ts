/** How often each code followed each context of one kind. */
import { KeyTable } from "./key-table.js";

export class ContextCounts {
  readonly #contexts: KeyTable;
  /** Of the index of a context times `codes`, plus a code. */
  readonly #pairs: KeyTable;
  #seen = new Int32Array(256);
  #distinct = new Int32Array(256);
  #hits = new Int32Array(256);

  /**
   * @param codes of the largest codebook
   * @param limit contexts at most, and as many pairs of a context and a code
   */
  constructor(
    private readonly codes: number,
    limit: number,
  ) {
    this.#contexts = new KeyTable(limit);
    this.#pairs = new KeyTable(limit);
  }

  /** The index of a context; -1 if it was never seen. */
  find(context: number): number {
    return this.#contexts.find(context);
  }

  /** Tokens that followed the context of that index. */
  seen(index: number): number {
    return this.#seen[index]!;
  }

  /** Different codes among them. */
  distinct(index: number): number {
    return this.#distinct[index]!;
  }

  /** Those with that code. */
  hits(index: number, code: number): number {
    const pair = this.#pairs.find(index * this.codes + code);
    return pair === -1 ? 0 : this.#hits[pair]!;
  }

  /** Counts a token, unless it is new and the tables are full. */
  add(context: number, code: number): void {
    const index = this.#contexts.add(context);
    if (index === -1) return;
    const known = this.#pairs.size;
    const pair = this.#pairs.add(index * this.codes + code);
    this.#seen = withRoom(this.#seen, index);
    this.#distinct = withRoom(this.#distinct, index);
    if (pair === -1) return;
    this.#hits = withRoom(this.#hits, pair);
    this.#seen[index]!++;
    this.#hits[pair]!++;
    if (this.#pairs.size > known) this.#distinct[index]!++;
  }
}

function withRoom(values: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  if (index < values.length) return values;
  const larger = new Int32Array(values.length * 2);
  larger.set(values);
  return larger;
}
