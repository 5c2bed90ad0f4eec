/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101; PyTorch's `torch.optim.AdamW`) over one flat float32 array, in one pass:
 * parameter, gradient and both moments are read once and written once.
 */
import { RevqError } from "@revq/core";
import { requireLength } from "./shape.js";

export interface AdamWOptions {
  readonly lr: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment; default 1e-8. */
  readonly eps?: number;
  /** Decoupled weight decay; default 0. */
  readonly weightDecay?: number;
  /** The number of this step, from 1. */
  readonly step: number;
  /** Multiplies the gradient first: gradient clipping without another pass. Default 1. */
  readonly gradScale?: number;
}

interface Coefficients {
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly stepSize: number;
  readonly rootScale: number;
  readonly eps: number;
  readonly gradScale: number;
}

function coefficients(options: AdamWOptions): Coefficients {
  const { lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0, step, gradScale = 1 } = options;
  if (!Number.isInteger(step) || step < 1) {
    throw new RevqError("adamw-step", `AdamW's step is ${step}; steps are counted from 1.`);
  }
  return {
    decay: 1 - lr * weightDecay,
    beta1,
    beta2,
    stepSize: lr / (1 - beta1 ** step),
    rootScale: 1 / Math.sqrt(1 - beta2 ** step),
    eps,
    gradScale,
  };
}

/**
 * One step in place: `param`, `m` (first moment) and `v` (second moment) are overwritten, `grad` is read.
 * All float32 of one length. Throws `nearest-length`, `adamw-step`.
 */
export function adamwStep(
  param: Float32Array,
  grad: Float32Array,
  m: Float32Array,
  v: Float32Array,
  options: AdamWOptions,
): void {
  for (const [name, array] of [
    ["grad", grad],
    ["m", m],
    ["v", v],
  ] as const)
    requireLength(name, array, [param.length]);
  update(param, grad, 0, m, v, 0, param.length, coefficients(options));
}

/**
 * The same step when only some rows have a gradient, as with codebooks: the rest have gradient 0, and their moments still
 * decay and still move them, exactly as in `adamwStep` with a gradient full of zeros.
 *
 * @param param `[rows, dim]`, and `m`, `v` alike
 * @param rows which rows have a gradient: strictly ascending
 * @param rowGrads their gradients, `[rows.length, dim]`
 * @throws RevqError `adamw-rows` when `rows` is not ascending or out of range
 */
export function adamwStepRows(
  param: Float32Array,
  rows: Int32Array,
  rowGrads: Float32Array,
  dim: number,
  m: Float32Array,
  v: Float32Array,
  options: AdamWOptions,
): void {
  requireLength("rowGrads", rowGrads, [rows.length, dim]);
  requireLength("m", m, [param.length]);
  requireLength("v", v, [param.length]);
  let previous = -1;
  for (const row of rows) {
    if (row <= previous || (row + 1) * dim > param.length) {
      throw new RevqError(
        "adamw-rows",
        `Row ${row} after ${previous}: rows must ascend and lie below ${param.length / dim}.`,
      );
    }
    previous = row;
  }
  const c = coefficients(options);
  let done = 0;
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * dim;
    update(param, null, 0, m, v, done, start, c);
    update(param, rowGrads, i * dim - start, m, v, start, start + dim, c);
    done = start + dim;
  }
  update(param, null, 0, m, v, done, param.length, c);
}

/** Elements `[first, last)`; the gradient of element i is `grad[i + gradOffset]`, or 0 without `grad`. */
function update(
  param: Float32Array,
  grad: Float32Array | null,
  gradOffset: number,
  m: Float32Array,
  v: Float32Array,
  first: number,
  last: number,
  { decay, beta1, beta2, stepSize, rootScale, eps, gradScale }: Coefficients,
): void {
  for (let i = first; i < last; i++) {
    const g = grad ? grad[i + gradOffset]! * gradScale : 0;
    const moment = beta1 * m[i]! + (1 - beta1) * g;
    const square = beta2 * v[i]! + (1 - beta2) * g * g;
    m[i] = moment;
    v[i] = square;
    param[i] = param[i]! * decay - (stepSize * moment) / (Math.sqrt(square) * rootScale + eps);
  }
}
