/** @revq/nearest: exact nearest-code search, k-means, and the codebook updates of online training. */
export { adamwStep, adamwStepRows, type AdamWOptions } from "./adamw.js";
export { sumByCode, type CodeGradients } from "./code-gradients.js";
export { createEmaState, emaUpdate, type EmaOptions, type EmaState } from "./ema.js";
export { kmeans } from "./kmeans/lloyd.js";
export type { KMeansOptions, KMeansProgress, KMeansResult, KMeansShape, KMeansState } from "./kmeans/options.js";
export { kmeansStream, type KMeansStreamOptions, type LatentBatches } from "./kmeans/stream.js";
export {
  nearestCodes,
  nearestCodesSync,
  type NearestEngine,
  type NearestOptions,
  type NearestResult,
} from "./nearest-codes.js";
export { requireFinite, type NearestShape } from "./shape.js";
export { createSearchMemory, type SearchMemory } from "./search-memory.js";
export { sharedFloat32, sharedInt32 } from "./shared-memory.js";
export { closeWorkers } from "./wasm/pool.js";
