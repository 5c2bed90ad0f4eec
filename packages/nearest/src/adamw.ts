/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101; PyTorch's `torch.optim.AdamW`) over one flat float32 array, in one pass:
 * parameter, gradient and both moments are read once and written once.
 */
import { RevqError } from "@revq/core";
import { requireLength } from "./shape.js";
import { kernelModule } from "./wasm/kernel.js";

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

/** decay, beta1, 1 - beta1, beta2, 1 - beta2, stepSize, rootScale, eps, gradScale, each rounded to float32. */
type Coefficients = [number, number, number, number, number, number, number, number, number];

function coefficients(options: AdamWOptions): Coefficients {
  const { lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0, step, gradScale = 1 } = options;
  if (!Number.isInteger(step) || step < 1) {
    throw new RevqError("adamw-step", `AdamW's step is ${step}; steps are counted from 1.`);
  }
  const decay = 1 - lr * weightDecay;
  const stepSize = lr / (1 - beta1 ** step);
  const rootScale = 1 / Math.sqrt(1 - beta2 ** step);
  return [decay, beta1, 1 - beta1, beta2, 1 - beta2, stepSize, rootScale, eps, gradScale].map(
    Math.fround,
  ) as Coefficients;
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
  for (const [name, array] of Object.entries({ grad, m, v })) requireLength(name, array, [param.length]);
  inChunks(param, m, v, coefficients(options), (first, last, into) => into.set(grad.subarray(first, last)));
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
  let next = 0; // of the rows, the first that is not wholly behind
  inChunks(param, m, v, coefficients(options), (first, last, into) => {
    into.fill(0, 0, last - first);
    for (; next < rows.length; next++) {
      const start = rows[next]! * dim;
      if (start >= last) break;
      for (let i = Math.max(0, first - start); i < Math.min(dim, last - start); i++) {
        into[start + i - first] = rowGrads[next * dim + i]!;
      }
      if (start + dim > last) break; // goes on in the next chunk
    }
  });
}

/** Numbers at a time: four such arrays stay in the second-level cache. */
const chunk = 16384;

interface Stepper {
  readonly param: Float32Array;
  readonly grad: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  step(count: number, c: Coefficients): void;
}

let stepper: Stepper | undefined;

/** Scratch arrays of `chunk` numbers and the step over them: WebAssembly where it runs, else plain numbers, with the same bits. */
function createStepper(): Stepper {
  const module = kernelModule();
  if (!module) {
    const [param, grad, m, v] = [0, 1, 2, 3].map(() => new Float32Array(chunk)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return { param, grad, m, v, step: (count, c) => stepNumbers(param, grad, m, v, count, c) };
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * chunk * 4 + 1024) / 65536) });
  const { adamw } = new WebAssembly.Instance(module, { env: { memory } }).exports as {
    adamw(param: number, grad: number, m: number, v: number, n: number, ...c: Coefficients): void;
  };
  const at = (i: number): number => 1024 + i * chunk * 4;
  const array = (i: number): Float32Array => new Float32Array(memory.buffer, at(i), chunk);
  return {
    param: array(0),
    grad: array(1),
    m: array(2),
    v: array(3),
    step: (count, c) => adamw(at(0), at(1), at(2), at(3), Math.ceil(count / 4) * 4, ...c),
  };
}

/** Walks the arrays once, a chunk at a time; `fillGrad` writes the gradient of elements `[first, last)`. */
function inChunks(
  param: Float32Array,
  m: Float32Array,
  v: Float32Array,
  c: Coefficients,
  fillGrad: (first: number, last: number, into: Float32Array) => void,
): void {
  stepper ??= createStepper();
  for (let first = 0; first < param.length; first += chunk) {
    const last = Math.min(param.length, first + chunk);
    const count = last - first;
    stepper.param.set(param.subarray(first, last));
    stepper.m.set(m.subarray(first, last));
    stepper.v.set(v.subarray(first, last));
    fillGrad(first, last, stepper.grad);
    stepper.step(count, c);
    param.set(stepper.param.subarray(0, count), first);
    m.set(stepper.m.subarray(0, count), first);
    v.set(stepper.v.subarray(0, count), first);
  }
}

/** The step in plain numbers, every operation rounded to float32. */
export function stepNumbers(
  param: Float32Array,
  grad: Float32Array,
  m: Float32Array,
  v: Float32Array,
  count: number,
  [decay, beta1, rest1, beta2, rest2, stepSize, rootScale, eps, gradScale]: Coefficients,
): void {
  const f = Math.fround;
  for (let i = 0; i < count; i++) {
    const g = f(grad[i]! * gradScale);
    const moment = f(f(beta1 * m[i]!) + f(rest1 * g));
    const square = f(f(beta2 * v[i]!) + f(f(rest2 * g) * g));
    m[i] = moment;
    v[i] = square;
    const update = f(f(stepSize * moment) / f(f(f(Math.sqrt(square)) * rootScale) + eps));
    param[i] = f(f(param[i]! * decay) - update);
  }
}
