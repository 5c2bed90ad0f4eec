/** What a design for one Gaussian source gives on another; the design itself, reverse water-filling, is in `@revq/core`. */
import { checkSameLength } from "./same-length.js";

/**
 * Distortion per element when the rates were designed on other data: a dimension with design variance above `waterLevel` keeps
 * waterLevel / design of its measured variance, one below keeps all of it. `design` and `measured`: the same dimensions in the same
 * order, such as variances along the eigenvectors of the training covariance over training and over held-out data.
 */
export function distortionOfDesign(design: Float64Array, measured: Float64Array, waterLevel: number): number {
  checkSameLength("A rate-distortion design", design, measured);
  let sum = 0;
  for (let i = 0; i < design.length; i++)
    sum += measured[i]! * Math.min(1, design[i]! > 0 ? waterLevel / design[i]! : 1);
  return sum / design.length;
}
