/**
 * @revq/core: contracts, plugin registry, errors, random numbers, shapes. No I/O, no tensor engine.
 */
export * from "./backbone.js";
export * from "./bytes.js";
export { RevqError, isRevqError, withSettingIn, type RevqErrorOptions, type Setting } from "./errors.js";
export * from "./id-form.js";
export { issueText } from "./issue-text.js";
export * from "./known-plugins.js";
export * from "./latent-shape.js";
export * from "./named-tensors.js";
export { nearestNames } from "./nearest-names.js";
export * from "./plugin.js";
export * from "./progress.js";
export * from "./quantizer.js";
export { createRandom, type Random, type RandomState } from "./random.js";
export type { Rectifier } from "./rectifier.js";
export { PluginRegistry, type RegisteredPlugin } from "./registry.js";
export type { ImageBatch, ImageSource, LatentSource, Moments, RgbaImage } from "./sources.js";
export * from "./token-layout.js";
export { metricIds, type HostTransform, type MetricId, type Transform, type TransformLayout } from "./transform.js";
