/** @revq/data/pixels: cropping, resizing and number ranges of pixels. Runs in browsers too, so that a page and the command line see the same image. */
export { bytesToUnitRange, centreCrop, unitRangeToBytes } from "./crop.js";
export { imageGrid, type ImageGridOptions } from "./image-grid.js";
export { resizeLanczos, type RgbImage, type Window } from "./resize.js";
