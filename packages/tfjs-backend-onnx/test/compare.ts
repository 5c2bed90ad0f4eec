/**
 * Runs the same tfjs program on the `cpu` and `onnx` backends and compares the numbers. The
 * reference is tfjs' own.
 */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
// tfjs-core registers no gradients in Node; this package's bundle does.
import "@tensorflow/tfjs-layers";
import fc from "fast-check";
import { expect } from "vitest";
import { registerOnnxBackend } from "../src/index.js";

export { fc, tf };

registerOnnxBackend({ threads: 2, maxQueuedNodes: 4096 });

/** A tensor that both backends are given. */
export interface Input {
  readonly shape: number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly values: number[];
}

export interface Tolerance {
  /** Largest |a - b| - relative * |b|; default 1e-5. */
  readonly absolute?: number;
  /** Default 1e-4. */
  readonly relative?: number;
}

export type Program = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

interface Result {
  readonly shape: number[];
  readonly dtype: string;
  readonly values: ArrayLike<number>;
}

/**
 * The program's results and, for float inputs and results, the gradients of a fixed weighting of
 * them.
 */
export async function runOn(
  backend: string,
  program: Program,
  inputs: readonly Input[],
  gradients: boolean,
): Promise<Result[]> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const tensors = inputs.map(({ shape, dtype, values }) => tf.tensor(values, shape, dtype));
  const outputs = tf.tidy(() => {
    const results = [program(...tensors)].flat();
    if (!gradients) return results;
    const floats = tensors.flatMap((tensor, index) => (tensor.dtype === "float32" ? [index] : []));
    const scalarOf = (...given: tf.Tensor[]): tf.Tensor => {
      const all = [...tensors];
      floats.forEach((index, place) => (all[index] = given[place]!));
      const parts = [program(...all)].flat().filter((part) => part.dtype === "float32");
      return tf.addN(
        parts.map((part) => tf.sum(tf.mul(part, tf.reshape(weights(part.size), part.shape)))),
      ) as tf.Tensor;
    };
    return [...results, ...tf.grads(scalarOf)(floats.map((index) => tensors[index]!))];
  });
  const read: Result[] = [];
  for (const output of outputs) read.push({ shape: output.shape, dtype: output.dtype, values: await output.data() });
  tf.dispose([...outputs, ...tensors]);
  expect(tf.memory().numTensors, `${backend} leaked tensors`).toBe(before);
  return read;
}

/** Different for each element, so that a permuted gradient cannot pass. */
function weights(count: number): tf.Tensor {
  return tf.tensor1d(Float32Array.from({ length: count }, (_, index) => Math.sin(index * 1.7 + 0.3)));
}

export async function compareBackends(
  program: Program,
  inputs: readonly Input[],
  tolerance: Tolerance = {},
  gradients = false,
): Promise<void> {
  const expected = await runOn("cpu", program, inputs, gradients);
  const actual = await runOn("onnx", program, inputs, gradients);
  expect(actual.length).toBe(expected.length);
  actual.forEach((result, index) => expectClose(result, expected[index]!, tolerance, `result ${index}`));
}

/** Same shape, dtype and numbers; NaN only where NaN is expected, infinities exactly. */
export function expectClose(
  actual: Result,
  expected: Result,
  { absolute = 1e-5, relative = 1e-4 }: Tolerance,
  label: string,
): void {
  expect(actual.shape, `shape of ${label}`).toEqual(expected.shape);
  expect(actual.dtype, `dtype of ${label}`).toBe(expected.dtype);
  expect(actual.values.length, `length of ${label}`).toBe(expected.values.length);
  const exact = expected.dtype !== "float32";
  for (let place = 0; place < expected.values.length; place++) {
    const [a, b] = [actual.values[place]!, expected.values[place]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const allowed = exact || !Number.isFinite(b) ? -1 : absolute + relative * Math.abs(b);
    if (!(Math.abs(a - b) <= allowed))
      throw new Error(`${label}[${place}] of shape [${expected.shape}]: onnx ${a}, cpu ${b}`);
  }
}

/** Numbers by an integer hash, so that a failing case prints small. */
function numbers(count: number, seed: number, low: number, high: number): number[] {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + ((high - low) * (state >>> 8)) / 2 ** 24;
  });
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A float tensor of values in [low, high). */
export function floats(shape: number[], seed: number, low = -2, high = 2): Input {
  return { shape, dtype: "float32", values: numbers(product(shape), seed, low, high).map(Math.fround) };
}

/** An int32 tensor of values in [low, high). */
export function ints(shape: number[], seed: number, low = -9, high = 10): Input {
  return { shape, dtype: "int32", values: numbers(product(shape), seed, low, high).map(Math.floor) };
}

export function bools(shape: number[], seed: number): Input {
  return { shape, dtype: "bool", values: numbers(product(shape), seed, 0, 2).map(Math.floor) };
}

export const given = (shape: number[], values: number[], dtype: Input["dtype"] = "float32"): Input => ({
  shape,
  dtype,
  values,
});

/** Shapes of a rank between the bounds, sizes 1 to 5. */
export const shapes = (minRank = 0, maxRank = 4, maxSize = 5): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: maxSize }), { minLength: minRank, maxLength: maxRank });

/** Two shapes that broadcast against each other. */
export const broadcastShapes = fc
  .tuple(
    shapes(0, 4, 4),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.nat(4),
    fc.boolean(),
  )
  .map(([full, squeezeA, squeezeB, dropped, swap]) => {
    const a = full.map((size, axis) => (squeezeA[axis] && squeezeB[axis] ? 1 : size));
    const b = full.map((size, axis) => (squeezeB[axis] ? 1 : size)).slice(Math.min(dropped, full.length));
    return swap ? [b, a] : [a, b];
  }) as fc.Arbitrary<[number[], number[]]>;

export const seeds = fc.integer({ min: 0, max: 100_000 });

/** Runs a property a fixed number of times with a fixed seed: the same cases on every machine. */
export async function forAll<T>(
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => Promise<void>,
  runs = 12,
): Promise<void> {
  const numRuns = process.env["REVQ_TEST_FULL"] ? runs * 10 : runs;
  await fc.assert(fc.asyncProperty(arbitrary, check), { numRuns, seed: 20_250_714 });
}
