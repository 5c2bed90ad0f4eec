/**
 * Rates of coefficients. Coefficients are sorted by deviation and cut into blocks of 4; the coefficients of a
 * block have one rate. Rates follow reverse water-filling (Cover and Thomas, "Elements of Information
 * Theory", 10.3.3), with the distortions that the trellis reaches in place of Shannon's.
 */

/** A step of the path: `vector` coefficients are told by `bits` bits. */
export interface RateClass {
  /** 1, 2 or 4; 4 / vector steps make a block. */
  readonly vector: number;
  /** 1 bit moves the state, the others choose among parallel branches. */
  readonly bits: number;
  /** Mean squared error on a unit Gaussian, measured: 12 passes over 153,600 values, then 61,440 others. */
  readonly distortion: number;
}

/** Coefficients of a block. */
export const blockSize = 4;

/** By rate: 1/4, 1/2, 1, 1.5, 2, 2.5, 3, 4, 5 and 6 bits a coefficient. */
export const rateClasses: readonly RateClass[] = [
  { vector: 4, bits: 1, distortion: 0.738 },
  { vector: 2, bits: 1, distortion: 0.529 },
  { vector: 1, bits: 1, distortion: 0.277 },
  { vector: 2, bits: 3, distortion: 0.147 },
  { vector: 1, bits: 2, distortion: 0.0724 },
  { vector: 2, bits: 5, distortion: 0.0393 },
  { vector: 1, bits: 3, distortion: 0.0211 },
  { vector: 1, bits: 4, distortion: 0.00584 },
  { vector: 1, bits: 5, distortion: 0.00157 },
  { vector: 1, bits: 6, distortion: 0.0004 },
];

/** Bits of a block. */
const cost = ({ vector, bits }: RateClass): number => (bits * blockSize) / vector;

/** The largest number of bits that `count` coefficients can take. */
export function mostBits(count: number): number {
  return Math.ceil(count / blockSize) * cost(rateClasses.at(-1)!);
}

/**
 * Gives bits to blocks, always where they lower the error most.
 *
 * @param variances of the blocks' coefficients, summed
 * @returns for every block the index of its rate class, or -1 for no bits
 */
export function allocateRates(variances: ArrayLike<number>, budget: number): Int8Array {
  const steps: { readonly block: number; readonly to: number; readonly bits: number; readonly gain: number }[] = [];
  for (let block = 0; block < variances.length; block++) {
    let [bits, distortion] = [0, 1];
    for (const [to, each] of rateClasses.entries()) {
      const more = cost(each) - bits;
      const gain = (variances[block]! * (distortion - each.distortion)) / more;
      if (gain > 0) steps.push({ block, to, bits: more, gain });
      [bits, distortion] = [cost(each), each.distortion];
    }
  }
  // Gains fall with the rate, so the steps of a block stay in order.
  steps.sort((a, b) => b.gain - a.gain || a.block - b.block || a.to - b.to);
  const classes = new Int8Array(variances.length).fill(-1);
  let left = budget;
  for (const { block, to, bits } of steps) {
    if (bits > left || classes[block] !== to - 1) continue;
    classes[block] = to;
    left -= bits;
  }
  return classes;
}
