/** @revq/numerics: numerical methods in float64 on plain arrays. No tensors, no I/O. */
export { LatentMoments, type SavedStatistics } from "./latent-moments.js";
export { normalCumulative, normalDensity, normalQuantile } from "./normal-distribution.js";
export { reverseWaterfill, type RateDistortion } from "./reverse-waterfill.js";
export { symmetricEigen, type SymmetricEigen } from "./symmetric-eigen.js";
export { symmetricPower } from "./symmetric-power.js";
