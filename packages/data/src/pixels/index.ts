/**
 * @revq/data/pixels: cropping, resizing and value ranges of pixels. It also runs in browsers, so
 * that a page and the command line give a model the same pixels.
 */
export { bytesToUnitRange, centreCrop, unitRangeToBytes } from "./crop.js";
export { imageGrid, type ImageGridOptions } from "./image-grid.js";
export { resizeLanczos, type RgbImage, type Window } from "./resize.js";
