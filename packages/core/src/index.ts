/** @revq/core: contracts, plugin registry, token layout, standardizer, errors. No I/O and no tfjs backend: the ground floor. */
export * from "./backbone.js";
export * from "./bytes.js";
export { dependencyTokens } from "./dependency-tokens.js";
export { RevqError, isRevqError, type RevqErrorOptions } from "./errors.js";
export * from "./latent-shape.js";
export * from "./named-tensors.js";
export { nearestNames } from "./nearest-names.js";
export * from "./plugin.js";
export * from "./progress.js";
export * from "./quantizer.js";
export { createRandom, type Random, type RandomState } from "./random.js";
export type { Rectifier } from "./rectifier.js";
export { PluginRegistry, type RegisteredPlugin } from "./registry.js";
export type { ImageBatch, ImageSource, LatentSource } from "./sources.js";
export * from "./standardizer.js";
export { symmetricEigen, type SymmetricEigen } from "./symmetric-eigen.js";
export * from "./token-layout.js";
export { cutTokens, joinTokens } from "./token-tensors.js";
