/** @revq/layers: layers that several networks share. Functions over tensors, nothing with a lifetime; weights stay with the caller. */
export { convolution, depthwiseConvolution, linear, rmsNorm, silu, type ParameterOf } from "./basic.js";
export { gluMbConv } from "./glu-mbconv.js";
export { multiScaleAttention } from "./multi-scale-attention.js";
export { averageChannels, pixelShuffle, pixelUnshuffle, repeatChannels, upsampleNearest } from "./resample.js";
export { runInChunks, runLayers } from "./run-in-chunks.js";
