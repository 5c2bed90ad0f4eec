/** @revq/tokenizer: images to ids and back as one object, in Node and in browsers. */
export type { RgbaImage } from "@revq/core";
export type { CodingOptions } from "./coding.js";
export { formatVersion, parseTokenizerConfig, tokenizerConfigSchema, type TokenizerConfig } from "./config.js";
export {
  aboutDecoder,
  createBackbone,
  resolveBackbone,
  type BackboneChoice,
  type BackbonePart,
  type CreateBackboneContext,
  type ResolvedOptions,
} from "./create-backbone.js";
export { adaptedTensors, createAdaptedDecoder, type AdaptedDecoder, type AdaptedDecoderInput } from "./decoder.js";
export { decoderModes, type DecoderConfig, type DecoderMode } from "./decoder-config.js";
export { pluginsOf, type NamedPlugin } from "./find-plugins.js";
export { checkIds } from "./id-range.js";
export { fromFloatPixels, toFloatPixels, type DecodedImage } from "./image.js";
export { LatentSpace, disposeTransformed, type TransformedLatents } from "./latent-space.js";
export { channelShares, decoderMetric, metricArrays, type Metric } from "./metric.js";
export type { LoadTokenizerOptions } from "./load.js";
export { choiceOf, isRelativePath } from "./load-backbone.js";
export { pairBackbones } from "./paired-backbone.js";
export type { TokenizerParts } from "./parts.js";
export { configFile, modelFile, serializeTokenizer } from "./save.js";
export {
  centredSource,
  Standardizer,
  measureLatents,
  standardizedSource,
  type LatentStatistics,
} from "./standardizer.js";
export { checkGrid, defaultOverlap, planTiles, tileCount, tileOffsets, type TileGrid } from "./tile-grid.js";
export { Tokenizer, type QuantizedLatents } from "./tokenizer.js";
