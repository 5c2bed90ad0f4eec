/** How far apart the lattice's points should be: what makes the mean squared error least. */
import { codeOf, dimension, nearestPoint } from "./d4.js";

export interface FittedStep {
  readonly step: number;
  /** Mean squared error per number. */
  readonly mse: number;
  /** How many codes were chosen. */
  readonly used: number;
}

const mostTokens = 4096;
const candidates = 32;

/** @param values tokens `[count, 4]`, flat */
export function fitStep(values: Float32Array, levels: number): FittedStep {
  const sample = values.subarray(0, mostTokens * dimension);
  const deviation = Math.sqrt(sample.reduce((sum, value) => sum + value * value, 0) / sample.length) || 1;
  let best: FittedStep = { step: 1, mse: Infinity, used: 0 };
  for (let i = 1; i <= candidates; i++) {
    // The box then reaches from a quarter of a deviation to eight of them.
    const measured = measure(sample, (i / candidates) * ((16 * deviation) / levels), levels);
    if (measured.mse < best.mse) best = measured;
  }
  return best;
}

function measure(values: Float32Array, step: number, levels: number): FittedStep {
  const middle = (levels - 1) / 2;
  const codes = new Set<number>();
  let squares = 0;
  for (let start = 0; start < values.length; start += dimension) {
    const x = Array.from(values.subarray(start, start + dimension), (value) => value / step + middle);
    const point = nearestPoint(x, levels);
    codes.add(codeOf(point, levels));
    for (let i = 0; i < dimension; i++) squares += ((x[i]! - point[i]!) * step) ** 2;
  }
  return { step, mse: squares / values.length, used: codes.size };
}
