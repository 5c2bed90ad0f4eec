/**
 * PyTorch's numbers for the tests: NCHW files as NHWC tensors, and the difference of two tensors.
 */
import { underPrefix } from "@revq/core";
import { fromBuffer, openSafetensors } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import type { ParameterOf } from "../src/index.js";

const workspace = resolve(import.meta.dirname, "../../..");
const folder = join(resolve(workspace, process.env["REVQ_SHARED"] ?? "../shared"), "fixtures");
export const present = existsSync(join(folder, "rectifier_small.safetensors"));
export const needs = "(needs ../shared/fixtures)";

export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(join(folder, file), "utf8")) as T;
}

/** Every tensor of a fixture, as it is stored. */
export async function readFixture(file: string): Promise<{ tensors: Record<string, Tensor>; metadata: Metadata }> {
  const opened = await openSafetensors(fromBuffer(file, readFileSync(join(folder, file))));
  const tensors: Record<string, Tensor> = {};
  for (const name of opened.tensors.keys()) {
    const { shape, data } = await opened.readFloat32(name);
    tensors[name] = tf.tensor(data, [...shape]);
  }
  return { tensors, metadata: opened.metadata };
}
type Metadata = Readonly<Record<string, string>>;

export function toNhwc(tensor: Tensor): Tensor4D {
  return tf.transpose(tensor as Tensor4D, [0, 2, 3, 1]);
}

/** Largest difference, relative to the largest expected magnitude. */
export function relativeError(actual: Tensor, expected: Tensor): number {
  if (actual.shape.join() !== expected.shape.join()) throw new Error(`[${actual.shape}] is not [${expected.shape}]`);
  return tf.tidy(() => {
    const difference = tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0]!;
    return difference / Math.max(tf.max(tf.abs(expected)).dataSync()[0]!, 1e-30);
  });
}

/** Value of `forward` and the gradients of sum(value * upstream) in x and in every weight. */
export function gradientsOf(
  forward: (x: Tensor, parameter: (name: string) => Tensor) => Tensor,
  x: Tensor,
  weights: Record<string, Tensor>,
  upstream: Tensor,
): { value: Tensor; input: Tensor; weights: Record<string, Tensor> } {
  const names = Object.keys(weights);
  const index = new Map(names.map((name, position) => [name, position + 1]));
  const value = forward(x, (name) => weights[name]!);
  const gradients = tf.grads((...inputs: Tensor[]) =>
    forward(inputs[0]!, (name) => {
      const position = index.get(name);
      if (position === undefined) throw new Error(`no weight ${name}`);
      return inputs[position]!;
    }),
  )([x, ...names.map((name) => weights[name]!)], upstream);
  return {
    value,
    input: gradients[0]!,
    weights: Object.fromEntries(names.map((name, position) => [name, gradients[position + 1]!])),
  };
}

export type Forward = (x: Tensor, parameter: ParameterOf) => Tensor;

/** Relative errors of value, gradient of the input and gradient of every weight. */
export async function errors(file: string, forward: Forward, toOurs: (tensor: Tensor) => Tensor = toNhwc) {
  const { tensors } = await readFixture(file);
  const ours = gradientsOf(
    forward,
    toOurs(tensors["input"]!),
    underPrefix("w", tensors),
    toOurs(tensors["grad_output"]!),
  );
  const expected = underPrefix("g", tensors);
  expect(Object.keys(ours.weights).sort()).toEqual(Object.keys(expected).sort());
  return {
    value: relativeError(ours.value, toOurs(tensors["output"]!)),
    input: relativeError(ours.input, toOurs(tensors["grad_input"]!)),
    ...Object.fromEntries(
      Object.keys(expected).map((name) => [name, relativeError(ours.weights[name]!, expected[name]!)]),
    ),
  };
}

export function expectAllWithin(found: Record<string, number>, limit: number): void {
  const outside = Object.entries(found).filter(([, error]) => !(error <= limit));
  expect(outside).toEqual([]);
}
