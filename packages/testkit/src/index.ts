/**
 * @revq/testkit: the conformance suites of all plugins. They run on every engine of the machine.
 * Importing this package loads no tensor engine, so that the suites can tell whether importing a
 * plugin does.
 */
export type { BackboneCase, QuantizerCase, RectifierCase, TransformCase } from "./cases.js";
export { imageSource, latentSource, randomImages, randomLatents } from "./samples.js";
export { testBackbone } from "./test-backbone.js";
export { testQuantizer } from "./test-quantizer.js";
export { testRectifier } from "./test-rectifier.js";
export { testTransform } from "./test-transform.js";
