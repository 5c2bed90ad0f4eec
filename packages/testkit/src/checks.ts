/** Checks that the suites share: values, states, errors, gradients, tensors left behind. */
import { isRevqError, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import { expect } from "vitest";

/** Downloads a tensor and frees it. */
export async function take(tensor: Tensor): Promise<Float32Array | Int32Array> {
  const values = Float32Array.from(await tensor.data());
  const copy = tensor.dtype === "int32" ? Int32Array.from(values) : values;
  tensor.dispose();
  return copy;
}

/** Runs something and checks that as many tensors are alive as before. */
export async function expectNoLeak(what: string, run: () => unknown): Promise<void> {
  const before = tf.memory().numTensors;
  await run();
  expect(tf.memory().numTensors - before, `tensors that ${what} left behind`).toBe(0);
}

/** Checks that something throws a `RevqError` (or rejects with one); returns it. */
export async function expectRevqError(what: string, run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    expect(isRevqError(error), `${what} should throw a RevqError, got ${String(error)}`).toBe(true);
    return error as Error;
  }
  throw new Error(`${what} should throw a RevqError, but nothing was thrown.`);
}

export function expectFinite(what: string, values: ArrayLike<number>): void {
  const bad = Array.from(values).findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new Error(`${what}: element ${bad} is ${values[bad]}.`);
}

/**
 * Equal within `tolerance` times the largest expected magnitude (at least 1); 0 asks for the same
 * bits.
 */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual.length, `${what}: number of elements`).toBe(expected.length);
  let scale = 1;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(actual[i]! - expected[i]!) <= tolerance * scale) continue;
    throw new Error(`${what}: element ${i} is ${actual[i]}, expected ${expected[i]} within ${tolerance * scale}.`);
  }
}

/** Copies of a state, as if it had been written to a file and read back. */
export async function copyState(state: NamedTensors): Promise<Record<string, Tensor>> {
  const copies: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(state)) {
    const data = await tensor.data();
    const values = data instanceof Float32Array ? Float32Array.from(data) : Int32Array.from(data);
    copies[name] = tf.tensor(values, tensor.shape, tensor.dtype);
  }
  return copies;
}

/** Checks that two states have the same tensors in the same order, bit for bit. */
export async function expectSameState(actual: NamedTensors, expected: NamedTensors): Promise<void> {
  expect(Object.keys(actual), "tensors of the state").toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) {
    expect(actual[name]!.shape, name).toEqual(tensor.shape);
    expectClose(name, await actual[name]!.data(), await tensor.data(), 0);
  }
}

/**
 * Checks that the gradient of a loss reaches every variable: it is finite and not zero everywhere.
 */
export async function expectGradients(variables: readonly Variable[], loss: () => Tensor): Promise<void> {
  const { value, grads } = tf.variableGrads(() => tf.sum(loss()), [...variables]);
  value.dispose();
  for (const [index, variable] of variables.entries()) {
    const gradient = grads[variable.name];
    if (!gradient) throw new Error(`Variable ${index} [${variable.shape}] gets no gradient.`);
    expect(gradient.shape).toEqual(variable.shape);
    const values = await take(gradient);
    expectFinite(`the gradient of variable ${index} [${variable.shape}]`, values);
    expect(
      values.some((value) => value !== 0),
      `the gradient of variable ${index} [${variable.shape}] is not zero everywhere`,
    ).toBe(true);
  }
}
