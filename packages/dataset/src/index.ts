/**
 * @revq/dataset: data sets of tokens. Images or latents become samples in shards, in parts of many
 * processes, and are read back. Runs in Node.
 */
export { datasetFormats, type DatasetFormatId, type IdType } from "./formats/format-id.js";
export { estimateDataset, type DatasetEstimate } from "./job/estimate.js";
export { tokenizerFingerprint } from "./job/fingerprint.js";
export { isDataset, joinDataset, type DatasetManifest } from "./job/join.js";
export { mergeDatasets } from "./job/merge.js";
export { augmentations, type Augmentation, type DatasetPlan } from "./job/plan.js";
export {
  planTokenize,
  tokenizeDataset,
  type PlannedDataset,
  type TokenizeInput,
  type TokenizeOutcome,
} from "./job/tokenize.js";
export { openCaptions, type Captions } from "./labels/captions.js";
export { labelSources, type Labelled, type Labels, type LabelSource } from "./labels/label-types.js";
export { openLabels } from "./labels/labels.js";
export { imageSamples, type ImageSamplesInput } from "./source/image-samples.js";
export { latentSamples, type LatentSamplesInput } from "./source/latent-samples.js";
export { openLatentData, type NamedLatents } from "./source/open-latent-data.js";
export type { EncodeContext, EncodedRange, SampleSource } from "./source/sample-source.js";
export { readTokens, sampleExtensions, type ReadTokensOptions } from "./read/read-tokens.js";
export type { ReadTokens } from "./read/tokens-file.js";
