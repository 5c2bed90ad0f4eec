/** @revq/testkit: the conformance suites that every plugin's tests run, ours and other people's, on every engine that is there. */
export { imageSource, latentSource, randomImages, randomLatents } from "./samples.js";
export { testBackbone, type BackboneCase } from "./test-backbone.js";
export { testQuantizer, type QuantizerCase } from "./test-quantizer.js";
export { testRectifier, type RectifierCase } from "./test-rectifier.js";
