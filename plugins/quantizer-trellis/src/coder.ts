/** One image's coefficients to ids, on the host. Holds buffers that the next image takes again. */
import { createSearch } from "./kernel-search.js";
import { orderOf, packBits, pathOf, type Path } from "./path.js";
import { allocateRates, blockSize, rateClasses } from "./rates.js";
import type { Search } from "./search.js";
import { entryOf, windows } from "./tables.js";

export interface EncodedImage {
  /** Coefficients divided by their deviations, in the order of the path. */
  readonly values: Float32Array;
  /** window + 512 * branch of every step. */
  readonly found: Int32Array;
  readonly ids: Int32Array;
}

export interface CoderSettings {
  /** Of the coefficients, `[elements]`; 0 or more. */
  readonly deviations: Float32Array;
  /** Rate class of each block of 4 coefficients in the order of their deviations, or -1. */
  readonly rates: Int8Array;
  /** float32 `[tableSize]`. The owner may change them, and then calls `reload`. */
  readonly tables: Float32Array;
  readonly tokens: number;
  /** A power of 2. */
  readonly codes: number;
}

/** The rates for a number of bits. */
export function ratesFor(deviations: Float32Array, bits: number): Int8Array {
  const squares = squaresInOrder(deviations, orderOf(deviations));
  const blocks = new Float64Array(squares.length / blockSize);
  squares.forEach((square, i) => (blocks[Math.floor(i / blockSize)]! += square));
  return allocateRates(blocks, bits);
}

/** Filled up with zeros to whole blocks. */
function squaresInOrder(deviations: Float32Array, order: Int32Array): Float32Array {
  const squares = new Float32Array(Math.ceil(order.length / blockSize) * blockSize);
  for (const [i, element] of order.entries()) squares[i] = deviations[element]! ** 2;
  return squares;
}

export class Coder {
  readonly path: Path;
  private readonly search: Search;
  private readonly weights: Float32Array;
  private readonly encoded: EncodedImage;
  private readonly bits: Uint8Array;
  /** Bits of an id. */
  private readonly width: number;

  constructor(
    private readonly settings: CoderSettings,
    makeSearch: (path: Path) => Search = createSearch,
  ) {
    const { deviations, rates, tokens, codes } = settings;
    this.width = Math.log2(codes);
    const order = orderOf(deviations);
    this.weights = squaresInOrder(deviations, order);
    this.path = pathOf(order, rates);
    this.search = makeSearch(this.path);
    this.bits = new Uint8Array(tokens * this.width);
    this.encoded = {
      values: new Float32Array(this.weights.length),
      found: new Int32Array(this.path.steps),
      ids: new Int32Array(tokens),
    };
    this.reload();
  }

  get tables(): Float32Array {
    return this.settings.tables;
  }

  get codes(): number {
    return this.settings.codes;
  }

  reload(): void {
    this.search.load(this.settings.tables);
  }

  /** @param coefficients `[elements]`. The result is valid until the next call. */
  encode(coefficients: Float32Array): EncodedImage {
    const { path, encoded, bits } = this;
    const { values, found, ids } = encoded;
    const { deviations } = this.settings;
    const { order } = path;
    for (let i = 0; i < order.length; i++) {
      const element = order[i]!;
      const deviation = deviations[element]!;
      values[i] = deviation > 0 ? coefficients[element]! / deviation : 0;
    }
    this.search.find(values, this.weights, found);
    for (let step = 0; step < path.steps; step++) {
      const count = rateClasses[path.classOf[step]!]!.bits;
      const branch = (found[step]! / windows) | 0;
      let at = path.bitOf[step]!;
      bits[at++] = found[step]! & 1;
      for (let bit = count - 2; bit >= 0; bit--) bits[at++] = (branch >> bit) & 1;
    }
    packBits(bits, this.width, ids);
    return encoded;
  }

  /** Of the image that was encoded last, in the coefficients' own units; those without bits included. */
  squaredError(): number {
    const { path, weights } = this;
    const { values, found } = this.encoded;
    const told = new Uint8Array(values.length);
    let sum = 0;
    for (let step = 0; step < path.steps; step++) {
      const index = path.classOf[step]!;
      const { vector } = rateClasses[index]!;
      const [window, branch] = [found[step]! % windows, Math.floor(found[step]! / windows)];
      for (let i = 0; i < vector; i++) {
        const at = path.firstOf[step]! + i;
        const entry = this.tables[entryOf(index, window, branch, i)]!;
        sum += weights[at]! * (values[at]! - entry) ** 2;
        told[at] = 1;
      }
    }
    for (let at = 0; at < values.length; at++) if (told[at] === 0) sum += weights[at]! * values[at]! ** 2;
    return sum;
  }
}
