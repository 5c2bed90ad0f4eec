/**
 * A seeded random generator with its state as data: a stopped and resumed run draws the same
 * numbers. Not for cryptography. Algorithm: sfc32 (Chris Doty-Humphrey, PractRand), seeded through
 * splitmix32; normals by Box-Muller.
 */
export interface RandomState {
  readonly words: readonly [number, number, number, number];
  /** The second normal of the last Box-Muller pair, if unused. */
  readonly spare: number | null;
}

export interface Random {
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, limit), without modulo bias for any limit up to 2^32. */
  integer(limit: number): number;
  /** A random order of 0 .. count-1 (Fisher-Yates). */
  permutation(count: number): Int32Array;
  /**
   * `count` distinct integers out of [0, limit), in random order. `count` must not exceed `limit`.
   */
  sample(limit: number, count: number): Int32Array;
  /**
   * An independent generator that depends on this one's seed and on the label alone, not on what
   * was drawn before.
   */
  fork(label: string): Random;
  state(): RandomState;
  restore(state: RandomState): void;
}

/**
 * A generator with this seed (a 32-bit integer).
 *
 * @example
 * const random = createRandom(1);
 * const state = random.state();
 * const first = random.uniform();
 * random.restore(state);
 * random.uniform() === first; // => true
 * createRandom(1).permutation(5); // => [2, 4, 3, 1, 0]
 */
export function createRandom(seed: number): Random {
  // Four variables instead of an array: this is an inner loop.
  let [a, b, c, counter] = expandSeed(seed >>> 0);
  let spare: number | null = null;

  function nextWord(): number {
    const result = (((a + b) | 0) + counter) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    counter = (counter + 1) | 0;
    return result >>> 0;
  }

  /** Draws the same as `sample` below, with memory for `count` numbers instead of `limit`. */
  function sparseSample(limit: number, count: number): Int32Array {
    const moved = new Map<number, number>();
    return Int32Array.from({ length: count }, (_, i) => {
      const j = i + random.integer(limit - i);
      const chosen = moved.get(j) ?? j;
      moved.set(j, moved.get(i) ?? i);
      return chosen;
    });
  }

  const random: Random = {
    uniform: () => nextWord() / 4294967296,
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log((nextWord() + 1) / 4294967297));
      const angle = 2 * Math.PI * random.uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    integer(limit) {
      const size = limit >>> 0; // 0 for 2^32. JavaScript engines compile `>>>` to integer arithmetic
      let word = nextWord();
      if (size === 0) return word;
      const excess = (-size >>> 0) % size; // 2^32 modulo size
      while (word >= 4294967296 - excess) word = nextWord();
      return word % size;
    },
    permutation: (count) => random.sample(count, count),
    sample(limit, count) {
      if (count * 8 < limit) return sparseSample(limit, count);
      const order = new Int32Array(limit);
      for (let i = 0; i < limit; i++) order[i] = i;
      for (let i = 0; i < count; i++) {
        const j = i + random.integer(limit - i);
        const swapped = order[i]!;
        order[i] = order[j]!;
        order[j] = swapped;
      }
      return count === limit ? order : order.slice(0, count);
    },
    fork: (label) => createRandom(hashLabel(label, seed >>> 0)),
    state: () => ({ words: [a, b, c, counter], spare }),
    restore(state) {
      [a, b, c, counter] = state.words;
      spare = state.spare;
    },
  };
  return random;
}

type Words = [number, number, number, number];

function expandSeed(seed: number): Words {
  let x = seed | 0;
  const next = (): number => {
    x = (x + 0x9e3779b9) | 0;
    let z = x;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  return [next(), next(), next(), 1];
}

/** FNV-1a over the label's UTF-16 units, started from the seed. */
function hashLabel(label: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
