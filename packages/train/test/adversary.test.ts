/**
 * The discriminator and what is learned from it: gradients are those that finite differences give,
 * the balance is that of the two gradients alone, and blurred pictures are found out.
 */
import { createRandom } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAdversary } from "../src/decoder/adversary.js";
import { createDiscriminator, hingeLoss } from "../src/decoder/discriminator.js";

function noise(shape: number[], seed: number, scale = 1): Tensor4D {
  const random = createRandom(seed);
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => scale * random.normal()),
    shape as [number, number, number, number],
  );
}

const options = { weight: 0.5, learningRate: 1e-3, clipNorm: 1 };

describe.each(["cpu", "wasm", "onnx"] as const)("on engine %s", (id) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: id });
  });
  afterAll(() => engine.dispose());

  it("scores patches of 8 pixels, of sides that 8 does not divide too", () => {
    const discriminator = createDiscriminator(createRandom(1));
    tf.tidy(() => {
      expect(discriminator.score(noise([2, 16, 24, 3], 1)).shape).toEqual([2, 2, 3, 1]);
      expect(discriminator.score(noise([1, 5, 9, 3], 1)).shape).toEqual([1, 1, 2, 1]);
    });
    discriminator.dispose();
  });

  it("has the gradients that finite differences give, of pictures and of weights", () => {
    const discriminator = createDiscriminator(createRandom(2));
    const [real, made] = [noise([2, 11, 16, 3], 3, 0.5), noise([2, 11, 16, 3], 4, 0.5)];
    // The hinge alone does not see a constant that is added to all scores.
    const loss = (pictures: Tensor4D): Scalar => {
      const scores = discriminator.score(real);
      return tf.sub(hingeLoss(scores, discriminator.score(pictures)), tf.mul(tf.mean(scores), 0.5));
    };
    // Along the gradient: across it, the ReLUs' kinks are as large as the slope.
    const agree = (gradient: Tensor, at: (step: Tensor) => number): void => {
      const length = tf.norm(gradient).dataSync()[0]!;
      const along = (step: number): number => at(tf.mul(gradient, step / length));
      expect(length).toBeGreaterThan(0.01);
      expect(Math.abs((along(2e-3) - along(-2e-3)) / 4e-3 / length - 1)).toBeLessThan(0.01);
    };
    tf.tidy(() => {
      agree(tf.grad((x) => loss(x as Tensor4D))(made), (step) => loss(tf.add(made, step)).dataSync()[0]!);
      const { grads } = tf.variableGrads(() => loss(made), [...discriminator.variables]);
      for (const variable of discriminator.variables) {
        const start = tf.clone(variable);
        agree(grads[variable.name]!, (step) => {
          variable.assign(tf.add(start, step));
          const value = loss(made).dataSync()[0]!;
          variable.assign(tf.clone(start));
          return value;
        });
      }
    });
    tf.dispose([real, made]);
    discriminator.dispose();
  });

  it("adds the discriminator's gradient at the length of the other loss's", async () => {
    const random = createRandom(5);
    const adversary = createAdversary({ ...options, random });
    const same = createDiscriminator(random);
    const [pictures, target] = [noise([2, 16, 16, 3], 6, 0.5), noise([2, 16, 16, 3], 7, 0.5)];
    const lossOf = (x: Tensor4D): Scalar => tf.mean(tf.squaredDifference(x, target));
    const scoreOf = (x: Tensor4D): Scalar => tf.mul(tf.mean(same.score(x)), -1);
    const [expected, found, total, apart] = tf.tidy(() => {
      const ofLoss = tf.grad((x) => lossOf(x as Tensor4D))(pictures);
      const ofScore = tf.grad((x) => scoreOf(x as Tensor4D))(pictures);
      const balance = tf.div(tf.norm(ofLoss), tf.norm(ofScore));
      const { value, grad } = tf.valueAndGrad((x) => adversary.oppose(x as Tensor4D, lossOf))(pictures);
      return [
        tf.add(ofLoss, tf.mul(ofScore, tf.mul(balance, options.weight))),
        grad,
        value,
        tf.add(lossOf(pictures), scoreOf(pictures)),
      ] as [Tensor, Tensor, Tensor, Tensor];
    });
    const error = tf.tidy(() => tf.div(tf.norm(tf.sub(expected, found)), tf.norm(expected)));
    expect((await error.data())[0]).toBeLessThan(1e-4);
    expect((await total.data())[0]).toBeCloseTo((await apart.data())[0]!, 5);
    tf.dispose([expected, found, total, apart, error, pictures, target]);
    adversary.dispose();
    same.dispose();
  });
});

describe("a discriminator", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "onnx" });
  });
  afterAll(() => engine.dispose());

  it("has a hinge loss of closed form", () => {
    const of = (real: number[], made: number[]): number =>
      tf.tidy(() => hingeLoss(tf.tensor4d(real, [2, 1, 1, 1]), tf.tensor4d(made, [2, 1, 1, 1])).dataSync()[0]!);
    expect(of([0, 0], [0, 0])).toBe(2);
    expect(of([1, 3], [-1, -2])).toBe(0);
    expect(of([0.5, 2], [0, -3])).toBeCloseTo(0.25 + 0.5, 6);
  });

  /** Textures of waves; blurring takes the shortest ones. */
  function batch(seed: number): { sharp: Tensor4D; blurred: Tensor4D } {
    return tf.tidy(() => {
      const coarse = tf.image.resizeBilinear(noise([4, 4, 4, 3], seed, 0.5), [32, 32]);
      const sharp: Tensor4D = tf.add(coarse, noise([4, 32, 32, 3], seed + 1, 0.2));
      return { sharp, blurred: tf.avgPool(sharp, 3, 1, "same") };
    });
  }

  it("learns to tell blurred pictures from sharp ones that it has not seen", async () => {
    const adversary = createAdversary({ ...options, random: createRandom(8) });
    const losses: number[] = [];
    const tensors = tf.memory().numTensors;
    for (let step = 0; step < 60; step++) {
      const { sharp, blurred } = batch(1000 + 2 * step);
      const loss = adversary.learn(sharp, blurred);
      losses.push((await loss.data())[0]!);
      tf.dispose([sharp, blurred, loss]);
    }
    expect(tf.memory().numTensors).toBe(tensors);
    const mean = (part: number[]): number => part.reduce((sum, value) => sum + value, 0) / part.length;
    expect(mean(losses.slice(0, 3))).toBeGreaterThan(1.5);
    expect(mean(losses.slice(-10))).toBeLessThan(0.3); // each batch is new
    adversary.dispose();
  });

  it("goes on from its state with the same bits", async () => {
    const { sharp, blurred } = batch(50);
    const [first, second] = [1, 2].map((seed) => createAdversary({ ...options, random: createRandom(seed) }));
    const learn = (adversary: typeof first): Promise<unknown> => tf.tidy(() => adversary!.learn(sharp, blurred)).data();
    await learn(first);
    second!.restore(await first!.state());
    for (let step = 0; step < 3; step++) expect(await learn(second)).toEqual(await learn(first));
    expect(await second!.state()).toEqual(await first!.state());
    tf.dispose([sharp, blurred]);
    first!.dispose();
    second!.dispose();
  });
});
