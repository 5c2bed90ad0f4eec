/** @revq/metrics: metrics of images, latents and ids, on typed arrays; no tensor library. */
export { CodeCounter } from "./code-counter.js";
export {
  codebookUsage,
  entropyBits,
  groupEntropyBits,
  groupPerplexity,
  measuredBitsPerImage,
  perplexity,
  type Counts,
} from "./code-statistics.js";
export { MeanAccumulator } from "./mean-accumulator.js";
export { clamp01, meanSquaredError, MseAccumulator, psnr, toUnitRange } from "./mean-squared-error.js";
export { ssim, ssimMinSide } from "./ssim.js";
export { CovarianceAccumulator } from "./covariance-accumulator.js";
export { msSsim, msSsimMinSide, ssimAndMsSsim, type SsimAndMsSsim } from "./ms-ssim.js";

export { frechetDistance, type GaussianStatistics } from "./frechet-distance.js";
export { InceptionScoreAccumulator } from "./inception-score.js";
export { SpectrumAccumulator, type SpectrumShape } from "./spectrum-accumulator.js";
export { priorBitsByHalves, TokenPrior } from "./prior/token-prior.js";
export type { PriorGrid } from "./prior/contexts.js";
