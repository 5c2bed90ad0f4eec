/** @revq/tokenizer: images to ids and back as one object, in Node and in browsers. */
export { checkIds, type RgbaImage } from "@revq/core";
export type { CodingOptions, EncodeOptions, ImageInput } from "./coding.js";
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
export type { EffortOptions } from "./effort.js";
export { adaptedTensors, createAdaptedDecoder, type AdaptedDecoder, type AdaptedDecoderInput } from "./decoder.js";
export { decoderModes, type DecoderConfig, type DecoderMode } from "./decoder-config.js";
export { pluginsOf, type NamedPlugin } from "./find-plugins.js";
export { codesOfFile, idsJson, idsRecord, idsRecordSchema, type IdsOfImage, type IdsRecord } from "./ids-record.js";
export { fromFloatPixels, toFloatPixels, type DecodedImage } from "./image.js";
export { jsonText } from "./json-text.js";
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
export { tokenGrid, type TokenGrid } from "./token-grid.js";
export { Tokenizer, type QuantizedLatents } from "./tokenizer.js";
export {
  createVocabulary,
  tokenRecord,
  tokenRecordSchema,
  vocabularyFile,
  vocabularySchema,
  type DescribedTokens,
  type ReservedIds,
  type TokenRecord,
  type Vocabulary,
} from "./vocabulary.js";
