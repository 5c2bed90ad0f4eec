/**
 * What ids cost to model: the code length of a small autoregressive prior. It mixes the code counts of
 * contexts of order 0, 1 and 2 (`contexts.ts`), from the uniform distribution up:
 *
 *     p_i(x) = w n_i(x) / n_i + (1 - w) p_{i-1}(x)
 *
 * This is interpolated estimation (Jelinek and Mercer, "Interpolated estimation of Markov source
 * parameters from sparse data", 1980). A weight w belongs to a kind of context, to how often a context
 * was seen, and to how many codes followed it. Weights are learned by online expectation maximization,
 * always from images that the counts do not know yet. So a context gets no weight that does not help
 * on new images, and the cost stays near the nominal bits where nothing can be predicted.
 */
import { RevqError, type TokenLayout } from "@revq/core";
import { ContextCounts } from "./context-counts.js";
import { contextKinds, type ContextKind, type PriorGrid } from "./contexts.js";

/** Of every kind of context: together some 300 MB if all are used. */
const maxContexts = 2 ** 19;
/** A weight follows about so many of the latest tokens. */
const memory = 1024;
const firstWeight = 0.5;
/** A weight stays this far from 0 and 1, so that no code is impossible and none is given up. */
const margin = 2 ** -16;
/** Contexts that were seen once, 2 or 3 times, 4 to 7 times, … */
const seenClasses = 16;
/** As many codes as tokens followed, half as many, a quarter, … */
const spreadClasses = 12;
const classes = seenClasses * spreadClasses;

interface Weights {
  /** `[kinds, seenClasses, spreadClasses]` */
  readonly values: Float64Array;
  /** Tokens that each was learned from. */
  readonly learned: Int32Array;
}

/**
 * A model of ids. Ids are codes of their groups, `[n, T]` int32 flat.
 *
 * @example
 * import { sharedTokenLayout } from "@revq/core";
 * const prior = new TokenPrior(sharedTokenLayout(4, 16)); // four tokens of sixteen codes: 16 bits
 * const image = Int32Array.of(3, 1, 4, 1);
 * for (let i = 0; i < 50; i++) prior.learn(image);
 * prior.bitsOf(image)[0]! < 0.2; // => true
 */
export class TokenPrior {
  readonly #kinds: readonly ContextKind[];
  readonly #counts: readonly ContextCounts[];
  readonly #weights: Weights;
  /** The context of every kind for one token; -1: it has no such neighbour. */
  readonly #contexts: Float64Array;
  /** Codes of the largest codebook. */
  readonly #codes: number;
  #images = 0;

  /** @param grid where tokens lie; null if it is not known */
  constructor(
    private readonly layout: TokenLayout,
    grid: PriorGrid | null = null,
  ) {
    this.#kinds = contextKinds(layout, grid);
    this.#codes = Math.max(...layout.codebookSizes);
    this.#counts = this.#kinds.map(() => new ContextCounts(this.#codes, maxContexts));
    this.#contexts = new Float64Array(this.#kinds.length);
    const weights = this.#kinds.length * classes;
    this.#weights = { values: new Float64Array(weights).fill(firstWeight), learned: new Int32Array(weights) };
  }

  /** Images that were learned. */
  get images(): number {
    return this.#images;
  }

  /** Throws `metric-shape`. */
  learn(ids: Int32Array): void {
    for (const image of this.#imagesOf(ids)) {
      this.#cost(image, this.#weights);
      for (let token = 0; token < image.length; token++) {
        this.#findContexts(image, token);
        for (let kind = 0; kind < this.#counts.length; kind++) {
          if (this.#contexts[kind] !== -1) this.#counts[kind]!.add(this.#contexts[kind]!, image[token]!);
        }
      }
      this.#images++;
    }
  }

  /**
   * Bits of every image, `[n]`. Counts stay as they were learned; weights follow from image to image, in
   * a copy. Throws `metric-shape`.
   */
  bitsOf(ids: Int32Array): Float64Array {
    const { values, learned } = this.#weights;
    const weights = { values: values.slice(), learned: learned.slice() };
    return Float64Array.from(this.#imagesOf(ids), (image) => this.#cost(image, weights));
  }

  /** Bits of one image. Updates the weights. */
  #cost(image: Int32Array, { values, learned }: Weights): number {
    const { codebookSizes, groupOf } = this.layout;
    let bits = 0;
    for (let token = 0; token < image.length; token++) {
      const code = image[token]!;
      let probability = 1 / codebookSizes[groupOf[token]!]!;
      this.#findContexts(image, token);
      for (let kind = 0; kind < this.#counts.length; kind++) {
        const counts = this.#counts[kind]!;
        const index = this.#contexts[kind] === -1 ? -1 : counts.find(this.#contexts[kind]!);
        const seen = index === -1 ? 0 : counts.seen(index);
        if (seen === 0) continue;
        const at = kind * classes + weightClass(seen, counts.distinct(index));
        const weight = values[at]!;
        const own = (weight * counts.hits(index, code)) / seen;
        probability = own + (1 - weight) * probability;
        const moved = weight + (own / probability - weight) / Math.min(memory, ++learned[at]! + 1);
        values[at] = Math.min(1 - margin, Math.max(margin, moved));
      }
      bits -= Math.log2(probability);
    }
    return bits;
  }

  #findContexts(image: Int32Array, token: number): void {
    for (let kind = 0; kind < this.#kinds.length; kind++) {
      const { classOf, neighbours } = this.#kinds[kind]!;
      let context = classOf[token]!;
      for (let i = 0; i < neighbours.length && context !== -1; i++) {
        const near = neighbours[i]![token]!;
        context = near === -1 ? -1 : context * this.#codes + image[near]!;
      }
      this.#contexts[kind] = context;
    }
  }

  *#imagesOf(ids: Int32Array): Generator<Int32Array> {
    const { count } = this.layout;
    if (ids.length % count !== 0) {
      throw new RevqError("metric-shape", `${ids.length} ids are not a whole number of images of ${count} tokens.`);
    }
    for (let start = 0; start < ids.length; start += count) yield ids.subarray(start, start + count);
  }
}

function weightClass(seen: number, distinct: number): number {
  const often = Math.min(seenClasses - 1, Math.floor(Math.log2(seen)));
  const spread = Math.min(spreadClasses - 1, Math.floor(Math.log2(seen / distinct)));
  return often * spreadClasses + spread;
}

/**
 * Mean bits of an image where no training ids are at hand: a prior of the even images codes the odd
 * ones, and the other way round. Null for fewer than two images. Throws `metric-shape`.
 *
 * @param ids `[n, T]` flat
 */
export function priorBitsByHalves(ids: Int32Array, layout: TokenLayout, grid: PriorGrid | null = null): number | null {
  const images = ids.length / layout.count;
  if (images < 2) return null;
  const half = (parity: 0 | 1): Int32Array => ids.filter((_, i) => Math.floor(i / layout.count) % 2 === parity);
  const halves = [half(0), half(1)] as const;
  const bits = halves.map((scored, i) => {
    const prior = new TokenPrior(layout, grid);
    prior.learn(halves[1 - i]!);
    return prior.bitsOf(scored).reduce((sum, each) => sum + each, 0);
  });
  return (bits[0]! + bits[1]!) / images;
}
