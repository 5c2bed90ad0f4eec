/** The path of an image: which coefficients each step tells, and where its bits lie among the ids. */
import { blockSize, rateClasses } from "./rates.js";

export interface Path {
  /** Coefficients by deviation, the largest first, `[elements]`: indices in `[h, w, c]`. */
  readonly order: Int32Array;
  readonly steps: number;
  /** Rate class of each step, `[steps]`. */
  readonly classOf: Int8Array;
  /** The first of its coefficients in `order`, `[steps]`. */
  readonly firstOf: Int32Array;
  /** Its first bit in the stream, `[steps]`: the one that moves the state. */
  readonly bitOf: Int32Array;
  /** Bits of all steps. */
  readonly bits: number;
}

/** @param classes of the blocks of `order`, `[ceil(elements / 4)]`; -1: no bits */
export function pathOf(order: Int32Array, classes: Int8Array): Path {
  const classOf: number[] = [];
  const firstOf: number[] = [];
  const bitOf: number[] = [];
  let bits = 0;
  for (const [block, index] of classes.entries()) {
    if (index < 0) continue;
    const { vector, bits: each } = rateClasses[index]!;
    for (let i = 0; i < blockSize; i += vector) {
      classOf.push(index);
      firstOf.push(block * blockSize + i);
      bitOf.push(bits);
      bits += each;
    }
  }
  return {
    order,
    steps: classOf.length,
    classOf: Int8Array.from(classOf),
    firstOf: Int32Array.from(firstOf),
    bitOf: Int32Array.from(bitOf),
    bits,
  };
}

/** Indices by deviation, the largest first; the lower index first where they are equal. */
export function orderOf(deviations: Float32Array): Int32Array {
  return Int32Array.from(deviations.keys()).sort((a, b) => deviations[b]! - deviations[a]! || a - b);
}

/** Bits -> ids of `width` bits each, the first bit of an id is its highest. Bits behind the end are 0. */
export function packBits(bits: Uint8Array, width: number, ids: Int32Array): void {
  for (let t = 0; t < ids.length; t++) {
    let id = 0;
    for (let i = 0; i < width; i++) id = id * 2 + (bits[t * width + i] ?? 0);
    ids[t] = id;
  }
}
