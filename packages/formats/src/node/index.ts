/** @revq/formats/node: files, weights folders and atomic writing. Everything else of the package runs in browsers too. */
export { fromFile } from "./from-file.js";
export { openWeights, type OpenWeightsOptions } from "./open-weights.js";
export { writeFileAtomic } from "./write-file-atomic.js";
