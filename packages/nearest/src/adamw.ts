/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101; PyTorch's `torch.optim.AdamW`) over one flat
 * float32 array. One pass reads and writes parameter, gradient and both moments once.
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
  /** Multiplies the gradient first, for clipping without another pass. Default 1. */
  readonly gradScale?: number;
}

/** decay, beta1, 1 - beta1, beta2, 1 - beta2, stepSize, rootScale, eps, gradScale, all float32. */
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
 * One step in place: overwrites `param`, `m` (first moment) and `v` (second moment), reads `grad`.
 * All are float32 of one length. Throws `nearest-length`, `adamw-step`.
 *
 * @example
 * const [param, m, v] = [Float32Array.of(1, 1), new Float32Array(2), new Float32Array(2)];
 * adamwStep(param, Float32Array.of(0.5, -2), m, v, { lr: 0.25, step: 1 });
 * param.map((x) => Math.round(x * 100) / 100); // => [0.75, 1.25]
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
 * Like `adamwStep`, if only some rows have a gradient, as with codebooks. The other rows have
 * gradient 0: their moments still decay and still move them, bit for bit as in `adamwStep`.
 *
 * @param param `[rows, dim]`, and `m`, `v` alike
 * @param rows the rows with a gradient, strictly ascending
 * @param rowGrads their gradients, `[rows.length, dim]`
 * @throws RevqError `adamw-rows` when `rows` is not ascending or out of range
 *
 * @example
 * const [param, m, v] = [Float32Array.of(1, 1, 1, 1), new Float32Array(4), new Float32Array(4)];
 * const rowGrads = Float32Array.of(3, 3);
 * adamwStepRows(param, Int32Array.of(1), rowGrads, 2, m, v, { lr: 0.25, step: 1 });
 * param; // => [1, 1, 0.75, 0.75]
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
  let next = 0; // the first row that is not complete yet
  inChunks(param, m, v, coefficients(options), (first, last, into) => {
    into.fill(0, 0, last - first);
    for (; next < rows.length; next++) {
      const start = rows[next]! * dim;
      if (start >= last) break;
      for (let i = Math.max(0, first - start); i < Math.min(dim, last - start); i++) {
        into[start + i - first] = rowGrads[next * dim + i]!;
      }
      if (start + dim > last) break; // continues in the next chunk
    }
  });
}

/** Elements at a time: four such arrays stay in the second-level cache. */
const chunk = 16384;

interface Stepper {
  readonly param: Float32Array;
  readonly grad: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  step(count: number, c: Coefficients): void;
}

let stepper: Stepper | undefined;

/**
 * Scratch arrays of `chunk` elements and the step over them: in WebAssembly where it runs, else in
 * plain JavaScript with the same bits.
 */
function createStepper(): Stepper {
  const module = kernelModule();
  if (!module) {
    const [param, grad, m, v] = [0, 1, 2, 3].map(() => new Float32Array(chunk)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return { param, grad, m, v, step: (count, c) => stepElements(param, grad, m, v, count, c) };
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

/** Walks the arrays once, in chunks. `fillGrad` writes the gradient of elements `[first, last)`. */
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

/** The step in plain JavaScript, every operation rounded to float32. */
export function stepElements(
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
