/**
 * The lowest mean squared error of any code of a given size on a Gaussian source: reverse
 * water-filling (Cover and Thomas, Elements of Information Theory, 10.3.3). For other sources with
 * the same covariance, the true bound is lower.
 */
import { RevqError } from "@revq/core";

export interface RateDistortion {
  /** Sum of the mean squared errors of all dimensions. */
  readonly distortion: number;
  /** `distortion` per dimension, to compare with `latentMse`. */
  readonly distortionPerElement: number;
  /** Error of every dimension that gets bits. Dimensions with less variance get no bits. */
  readonly waterLevel: number;
  /** Dimensions that get bits. */
  readonly active: number;
}

/**
 * The bound for a source with these variances.
 *
 * @param variances of independent dimensions, such as eigenvalues of a covariance, in any order.
 *   Negative ones (from rounding) count as 0.
 * @param bits for one sample of all dimensions together, 0 or more
 * @throws RevqError `rate-distortion-input`
 *
 * @example
 * const { waterLevel, distortion, active } = reverseWaterfill([4, 1], 0.5);
 * [waterLevel, distortion, active]; // => [2, 3, 1]
 */
export function reverseWaterfill(
  variances: Float64Array | Float32Array | readonly number[],
  bits: number,
): RateDistortion {
  if (!(bits >= 0) || variances.length === 0 || ![...variances].every(Number.isFinite)) {
    throw new RevqError(
      "rate-distortion-input",
      `Cannot bound ${variances.length} variances at ${bits} bits: ` +
        "finite variances and at least 0 bits are needed.",
    );
  }
  const sorted = Float64Array.from(variances, (value) => Math.max(0, value))
    .sort()
    .reverse();
  const dimensions = sorted.length;
  // With the m largest active: sum of (log2 variance - log2 level) / 2 = bits. The first m with a
  // level above the next variance is right.
  let logs = 0;
  let active = 0;
  let waterLevel = sorted[0]!;
  if (bits > 0) {
    for (let m = 1; m <= dimensions && sorted[m - 1]! > 0; m++) {
      logs += Math.log2(sorted[m - 1]!);
      active = m;
      waterLevel = 2 ** ((logs - 2 * bits) / m);
      if (waterLevel >= (sorted[m] ?? 0)) break;
    }
  }
  const distortion = sorted.reduce((sum, variance) => sum + Math.min(variance, waterLevel), 0);
  return { distortion, distortionPerElement: distortion / dimensions, waterLevel, active };
}
