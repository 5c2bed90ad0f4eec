/** Resampling that gives Node and browsers the same pixels. */
export { resizeLanczos, type RgbImage, type Window } from "@revq/numerics";
