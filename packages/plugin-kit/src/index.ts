/** @revq/plugin-kit: what several plugins share: parameters, layers, tokens as tensors, quantizers with one codebook. */
export { blockElements, cutBlocks, joinBlocks } from "./blocks.js";
export { squaredDistancesOnEngine } from "./distances-on-engine.js";
export { allocateEigenvalues, tokenOfRank } from "./eigenvalue-allocation.js";
export { CoefficientScale } from "./coefficient-scale.js";
export { gridSize, nearestLevel } from "./grid.js";
export { GridQuantizer, type GridSettings } from "./grid-quantizer.js";
export { convolution, depthwiseConvolution, linear, rmsNorm, silu, type ParameterOf } from "./layers/basic.js";
export { gluMbConv } from "./layers/glu-mbconv.js";
export { multiScaleAttention } from "./layers/multi-scale-attention.js";
export { averageChannels, pixelShuffle, pixelUnshuffle, repeatChannels } from "./layers/resample.js";
export { runInChunks, runLayers, withWholeBatches } from "./layers/run-in-chunks.js";
export { upsampledConvolution } from "./layers/upsampled-convolution.js";
export { ParameterSet, parameterCount, type ParameterShape } from "./parameter-set.js";
export { lookUpCodes, sampleLatents } from "./shared-codebook.js";
export {
  concreteSplit,
  cutFits,
  requireBitBudget,
  tokensAndCodes,
  type CutSplit,
  type TokenChoices,
} from "./descriptor.js";
export { TokenCut, gatherElements } from "./token-cut.js";
export { cutTokens, joinTokens } from "./token-tensors.js";
