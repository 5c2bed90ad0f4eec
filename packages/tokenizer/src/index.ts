/** @revq/tokenizer: the line from images to ids and back as one object, in Node and in the browser. */
export { checkCodeRange } from "./code-range.js";
export {
  configLatentShape,
  formatVersion,
  parseTokenizerConfig,
  tokenizerConfigSchema,
  type TokenizerConfig,
} from "./config.js";
export { isRelativePath, loadTokenizer, type LoadTokenizerOptions } from "./load.js";
export { fromFloatPixels, toFloatPixels, type DecodedPicture, type Picture } from "./picture.js";
export type { CodingOptions } from "./pictures.js";
export { configFile, modelFile, serializeTokenizer } from "./save.js";
export { checkGrid, defaultOverlap, planTiles, tileCount, tileOffsets, type TileGrid } from "./tile-grid.js";
export { Tokenizer, type QuantizedLatents, type TokenizerParts } from "./tokenizer.js";
