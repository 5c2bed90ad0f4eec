/** The start of training, and its success on a simple task. */
import { createRandom, parseOptions } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cnn } from "../src/index.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "cpu" });
});
afterAll(() => engine.dispose());
const latentShape = { channels: 2, height: 3, width: 2 };
const random = createRandom(5);
const batch = (n: number) =>
  tf.tensor4d(
    Float32Array.from({ length: n * 12 }, () => random.normal()),
    [n, 3, 2, 2],
  );

it("starts at the identity with an output skip", async () => {
  const options = parseOptions(cnn, { channels: 4, outputSkip: true });
  const rectifier = await cnn.create(options, { latentShape, random: createRandom(1) });
  const x = batch(3);
  expect(await rectifier.rectify(x).data()).toEqual(await x.data());
});

it("learns to remove noise from latents whose elements are all equal", async () => {
  const options = parseOptions(cnn, { channels: 8, layers: 1, outputSkip: true });
  const rectifier = await cnn.create(options, { latentShape, random: createRandom(1) });
  const adam = tf.train.adam(0.01);
  const clean = tf.mul(tf.ones([64, 3, 2, 2]), tf.slice(batch(64), [0, 0, 0, 0], [64, 1, 1, 1])) as tf.Tensor4D;
  const noisy = tf.add(clean, tf.mul(0.5, batch(64))) as tf.Tensor4D;
  const error = (x: tf.Tensor4D): tf.Scalar => tf.mean(tf.squaredDifference(x, clean));
  for (let step = 0; step < 60; step++)
    adam.minimize(() => error(rectifier.rectify(noisy)), false, [...rectifier.variables]);
  const [before, after] = [(await error(noisy).data())[0]!, (await error(rectifier.rectify(noisy)).data())[0]!];
  expect(after).toBeLessThan(0.5 * before);
});
