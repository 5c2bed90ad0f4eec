/**
 * A step of AdamW on the host, computed in float64 and rounded once: in WebAssembly, two elements at
 * a time, else in JavaScript with the same bits.
 */
import { kernelBase64 } from "./adamw.generated.js";

/** Numbers instead of tensors: a new rate needs no new graph. */
export interface AdamWAttributes {
  /** Learning rate with both bias corrections: lr * sqrt(1 - beta2^t) / (1 - beta1^t). */
  readonly rate: number;
  /** 1 - lr * weightDecay. */
  readonly keep: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Epsilon * sqrt(1 - beta2^t). */
  readonly epsilon: number;
}

/** Float32 arrays of one length. */
export type Moving = readonly [parameter: Float32Array, mean: Float32Array, square: Float32Array];

/** Reads `before` and the gradient times `scale`, writes `after`. */
export type AdamWStep = (
  before: Moving,
  gradient: Float32Array,
  after: Moving,
  scale: number,
  attributes: AdamWAttributes,
) => void;

export const plainStep: AdamWStep = (
  [parameter, mean, square],
  gradient,
  [newParameter, newMean, newSquare],
  scale,
  { rate, keep, beta1, beta2, epsilon },
) => {
  const [rest1, rest2] = [1 - beta1, 1 - beta2];
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i]! * scale;
    const m = beta1 * mean[i]! + rest1 * g;
    const v = beta2 * square[i]! + rest2 * g * g;
    newMean[i] = m;
    newSquare[i] = v;
    newParameter[i] = parameter[i]! * keep - (rate * m) / (Math.sqrt(v) + epsilon);
  }
};

/** The fastest one that runs here. */
export function createAdamWStep(): AdamWStep {
  try {
    return kernelStep(new WebAssembly.Module(Buffer.from(kernelBase64, "base64")));
  } catch {
    return plainStep; // WebAssembly is forbidden, or has no SIMD
  }
}

/** Elements at a time: four such arrays fit the second-level cache. */
const chunk = 8192;
/** Where the arrays begin in the kernel's memory. */
const start = 1024;

type Kernel = (
  parameter: number,
  gradient: number,
  mean: number,
  square: number,
  n: number,
  scale: number,
  rate: number,
  keep: number,
  beta1: number,
  rest1: number,
  beta2: number,
  rest2: number,
  epsilon: number,
) => void;

function kernelStep(module: WebAssembly.Module): AdamWStep {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((start + 4 * chunk * 4) / 65536) });
  const { adamw } = new WebAssembly.Instance(module, { env: { memory } }).exports as { adamw: Kernel };
  const at = [0, 1, 2, 3].map((i) => start + i * chunk * 4) as [number, number, number, number];
  const [slope, ...moving] = at.map((address) => new Float32Array(memory.buffer, address, chunk));
  const [ofGradient, ofParameter, ofMean, ofSquare] = at;
  return (before, gradient, after, scale, { rate, keep, beta1, beta2, epsilon }) => {
    for (let first = 0; first < gradient.length; first += chunk) {
      const last = Math.min(gradient.length, first + chunk);
      slope!.set(gradient.subarray(first, last));
      moving.forEach((array, i) => array.set(before[i]!.subarray(first, last)));
      const n = Math.ceil((last - first) / 2) * 2;
      const [rest1, rest2] = [1 - beta1, 1 - beta2];
      adamw(ofParameter, ofGradient, ofMean, ofSquare, n, scale, rate, keep, beta1, rest1, beta2, rest2, epsilon);
      moving.forEach((array, i) => after[i]!.set(array.subarray(0, last - first), first));
    }
  };
}
