/**
 * The least mean squared error that any code of a given size can reach on a Gaussian source: reverse water-filling (Cover and Thomas,
 * Elements of Information Theory, 10.3.3). For a source that is not Gaussian with the same covariance the true bound lies lower.
 */
import { RevqError } from "@revq/core";

export interface RateDistortion {
  /** Sum over the dimensions of the mean squared errors. */
  readonly distortion: number;
  /** The same per dimension: comparable with `latentMse`. */
  readonly distortionPerElement: number;
  /** Error of every dimension that gets bits; those with less variance get none and keep theirs. */
  readonly waterLevel: number;
  /** Dimensions that get bits. */
  readonly active: number;
}

/**
 * @param variances of independent dimensions: eigenvalues of the covariance, any order. Negative ones (rounding) count as 0.
 * @param bits for one sample of all dimensions together, 0 or more. Throws `rate-distortion-input`.
 */
export function reverseWaterfill(
  variances: Float64Array | Float32Array | readonly number[],
  bits: number,
): RateDistortion {
  if (!(bits >= 0) || variances.length === 0 || ![...variances].every(Number.isFinite)) {
    throw new RevqError(
      "rate-distortion-input",
      `Cannot bound ${variances.length} variances at ${bits} bits: finite variances and a number of bits from 0 are needed.`,
    );
  }
  const sorted = Float64Array.from(variances, (value) => Math.max(0, value))
    .sort()
    .reverse();
  const dimensions = sorted.length;
  // With the m largest active: sum of (log2 variance - log2 level) / 2 = bits. The right m is the first whose level covers the next one.
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
