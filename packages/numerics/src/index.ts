/** @revq/numerics: numerical methods on plain arrays, and resampling of pixels. No tensors, no I/O. */
export { LatentMoments, type SavedStatistics } from "./latent-moments.js";
export { centreCrop } from "./pixels/centre-crop.js";
export { resizeLanczos, type RgbImage, type Window } from "./pixels/resize.js";
export { normalCumulative, normalDensity, normalQuantile } from "./normal-distribution.js";
export { reverseWaterfill, type RateDistortion } from "./reverse-waterfill.js";
export { symmetricEigen, type SymmetricEigen } from "./symmetric-eigen.js";
export { symmetricPower } from "./symmetric-power.js";
