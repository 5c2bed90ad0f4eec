/** @revq/tokenizer: the line from images to ids and back as one object, in Node and in the browser. */
export {
  configLatentShape,
  formatVersion,
  parseTokenizerConfig,
  tokenizerConfigSchema,
  type TokenizerConfig,
} from "./config.js";
export { isRelativePath, loadTokenizer, type LoadTokenizerOptions } from "./load.js";
export { configFile, modelFile, serializeTokenizer } from "./save.js";
export { checkCodeRange, Tokenizer, type QuantizedLatents, type TokenizerParts } from "./tokenizer.js";
