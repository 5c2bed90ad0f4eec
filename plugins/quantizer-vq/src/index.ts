/** @revq/quantizer-vq: vector quantization with one codebook, the reference that all others are measured against. */
export { VqQuantizer } from "./vq-quantizer.js";
export { vq } from "./plugin.js";
