/**
 * @revq/nearest: exact nearest-code search, k-means, and the codebook updates of online training.
 */
export { adamwStep, adamwStepRows, type AdamWOptions } from "./adamw.js";
export { sumByCode, type CodeGradients } from "./code-gradients.js";
export { kmeans } from "./kmeans/lloyd.js";
export type { KMeansOptions, KMeansProgress, KMeansResult, KMeansShape, KMeansState } from "./kmeans/options.js";
export { nearestCodes, nearestCodesSync } from "./nearest-codes.js";
export { requireFinite, type NearestShape } from "./shape.js";
export type { NearestEngine, NearestOptions, NearestResult } from "./search-options.js";
export { createSearchMemory, type SearchMemory } from "./search-memory.js";
export { sharedFloat32, sharedInt32 } from "./shared-memory.js";
export { closeWorkers } from "./wasm/pool.js";
