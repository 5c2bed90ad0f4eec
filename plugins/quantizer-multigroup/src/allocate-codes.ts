/**
 * Codebook sizes by greedy allocation of a fixed number of bits: every step goes to the group whose error it lowers most (Shoham and
 * Gersho, "Efficient bit allocation for an arbitrary set of quantizers", IEEE Trans. ASSP 36, 1988; Gersho and Gray, "Vector
 * Quantization and Signal Compression", 1992, section 8.4). The error of a token at b bits is that of a Gaussian with its
 * covariance, by reverse water-filling: it falls by 2 ln 2 times the water level a bit.
 */
import { reverseWaterfill } from "@revq/numerics";

export interface GroupToAllocate {
  /** Eigenvalues of the covariance of the group's tokens, `[d]`. */
  readonly variances: ArrayLike<number>;
  /** Tokens of an image that use its codebook. */
  readonly tokens: number;
  /** Codes it may have. */
  readonly most: number;
}

/** A codebook grows by a quarter of a bit a token. */
const stepsPerBit = 4;

/**
 * @param bits of an image, for all tokens of all groups
 * @returns codes of every group, 1 or more; together at most `bits`, and less than a step of any group below
 */
export function allocateCodes(groups: readonly GroupToAllocate[], bits: number): number[] {
  const codes = groups.map(() => 1);
  const gains = groups.map((group) => waterLevel(group, 1));
  let left = bits;
  for (;;) {
    let best = -1;
    groups.forEach((group, g) => {
      const next = nextSize(codes[g]!);
      const fits = next <= group.most && cost(group, codes[g]!, next) <= left + 1e-9;
      if (fits && (best < 0 || gains[g]! > gains[best]!)) best = g;
    });
    if (best < 0) return codes;
    const next = nextSize(codes[best]!);
    left -= cost(groups[best]!, codes[best]!, next);
    codes[best] = next;
    gains[best] = waterLevel(groups[best]!, next);
  }
}

/** What the next bit is worth to a token whose group has so many codes. */
function waterLevel({ variances }: GroupToAllocate, codes: number): number {
  return reverseWaterfill(Float64Array.from(variances), Math.log2(codes)).waterLevel;
}

function cost({ tokens }: GroupToAllocate, from: number, to: number): number {
  return tokens * Math.log2(to / from);
}

/** Powers of two are met exactly. */
function nextSize(codes: number): number {
  return Math.max(codes + 1, Math.floor(2 ** ((Math.round(stepsPerBit * Math.log2(codes)) + 1) / stepsPerBit) + 1e-9));
}
