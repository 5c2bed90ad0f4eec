import { createRandom, type DecoderGradients, type NamedTensors } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { adaptedTensors } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDecoderAdapter } from "../src/decoder/adapter.js";
import { decoderBytes, planAdapter } from "../src/decoder/adapter-shapes.js";

/** A decoder of one position: image = tanh(latent first) second + bias. */
let state: Record<string, Tensor>;
let engine: Engine;
const gradients: DecoderGradients = {
  stages: [["first"], ["second", "bias"]],
  decode(latents, replaced = {}) {
    const weights: NamedTensors = { ...state, ...replaced };
    const [n] = latents.shape;
    const hidden = tf.tanh(tf.matMul(tf.reshape(latents, [n, 4]), weights["first"] as Tensor2D));
    const images = tf.add(tf.matMul(hidden, weights["second"] as Tensor2D), weights["bias"]!);
    return { images: tf.reshape(images, [n, 1, 1, 3]), features: [] };
  },
};

beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
  state = {
    encoder: tf.ones([7]),
    first: tf.randomNormal([4, 6], 0, 1, "float32", 1),
    second: tf.randomNormal([6, 3], 0, 1, "float32", 2),
    bias: tf.zeros([3]),
  };
});
afterAll(() => {
  tf.dispose(state);
  engine.dispose();
});

describe("the plan of an adapter", () => {
  const shaped = (...shapes: number[][]): { stages: string[][]; state: NamedTensors } => ({
    stages: shapes.map((_, i) => [`t${i}`]),
    state: Object.fromEntries(shapes.map((shape, i) => [`t${i}`, { shape } as unknown as Tensor])),
  });

  it("names what each mode trains", () => {
    const names = (mode: "all" | "last" | "lora"): string[] => [...planAdapter(mode, gradients, state).shapes.keys()];
    expect(names("all")).toEqual(["first", "second", "bias"]);
    expect(names("last")).toEqual(["second", "bias"]);
    expect(names("lora")).toEqual(["first.a", "first.b", "second.a", "second.b"]);
    expect(planAdapter("all", gradients, state).parameters).toBe(24 + 18 + 3);
    expect(planAdapter("lora", gradients, state, 2)).toMatchObject({ rank: 2, parameters: 2 * (4 + 6) + 2 * (6 + 3) });
    expect(decoderBytes(gradients, state)).toBe(4 * 45);
  });

  it("cuts convolutions between inputs and outputs, in both layouts", () => {
    const { stages, state } = shaped([64, 32, 3, 3], [3, 3, 32, 64], [128, 128, 1, 1], [3, 64, 3, 3]);
    const { shapes } = planAdapter("lora", { ...gradients, stages }, state, 8);
    expect([shapes.get("t0.a"), shapes.get("t0.b")]).toEqual([
      [64, 8],
      [8, 288],
    ]);
    expect([shapes.get("t1.a"), shapes.get("t1.b")]).toEqual([
      [288, 8],
      [8, 64],
    ]);
    expect([shapes.get("t2.a"), shapes.get("t2.b")]).toEqual([
      [128, 8],
      [8, 128],
    ]);
    for (const [i, shape] of [
      [64, 32, 3, 3],
      [3, 3, 32, 64],
      [128, 128, 1, 1],
      [3, 64, 3, 3],
    ].entries()) {
      const [rows, columns] = [shapes.get(`t${i}.a`)![0]!, shapes.get(`t${i}.b`)![1]!];
      expect(rows * columns).toBe(shape.reduce((product, size) => product * size, 1));
    }
  });
});

describe.each(["all", "last", "lora"] as const)("an adapter of mode %s", (mode) => {
  const latents = (): Tensor4D => tf.randomNormal<tf.Rank.R4>([5, 1, 1, 4], 0, 1, "float32", 3);
  const make = (seed: number) =>
    createDecoderAdapter(planAdapter(mode, gradients, state, 2), state, createRandom(seed));

  it("starts as the decoder, learns, and comes back from its state", async () => {
    const before = tf.memory().numTensors;
    const original = Object.fromEntries(
      await Promise.all(Object.keys(state).map(async (name) => [name, await state[name]!.data()])),
    );
    const [adapter, other] = [make(1), make(2)];
    const x = latents();
    const images = (weights?: () => NamedTensors): Promise<Float32Array> => {
      const y = tf.tidy(() => gradients.decode(x, weights?.()).images);
      const values = y.data() as Promise<Float32Array>;
      return values.finally(() => y.dispose());
    };
    const frozen = await images();
    expect(await images(adapter.weights)).toEqual(frozen);

    const target = tf.tidy(() => tf.mul(gradients.decode(x).images, 1.2));
    const losses: number[] = [];
    for (let step = 0; step < 40; step++) {
      const loss = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(
          () => tf.losses.meanSquaredError(target, gradients.decode(x, adapter.weights()).images) as tf.Scalar,
          [...adapter.variables],
        );
        for (const variable of adapter.variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 0.1)));
        return value;
      });
      losses.push((await loss.data())[0]!);
      loss.dispose();
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 4);

    other.restore(adapter.state());
    const learned = await images(adapter.weights);
    expect(await images(other.weights)).toEqual(learned);
    // What the tokenizer's file gives back.
    const changed = tf.tidy(() => ({ ...adaptedTensors(mode, state, adapter.state()) }));
    expect(await images(() => changed)).toEqual(learned);
    for (const [name, values] of Object.entries(original)) expect(await state[name]!.data()).toEqual(values);
    expect(() => other.restore({})).toThrow(/no tensor/);
    tf.dispose([x, target, changed]);
    adapter.dispose();
    other.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
