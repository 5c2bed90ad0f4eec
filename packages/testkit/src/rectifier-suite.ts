/** The tests of one rectifier case on one engine. */
import { createRandom, latentSize, parseOptions, type Rectifier, type RectifierPlugin } from "@revq/core";
import type { Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  copyState,
  expectClose,
  expectFinite,
  expectGradients,
  expectNoLeak,
  expectRevqError,
  expectSameState,
  take,
} from "./checks.js";
import type { FullCase, RectifierCase } from "./cases.js";
import { randomLatents } from "./samples.js";

export function testRectifierOnEngine(
  plugin: RectifierPlugin,
  { options, latentShape, tolerance }: FullCase<RectifierCase>,
  engine: () => Engine,
): void {
  const { height, width, channels } = latentShape;
  const size = latentSize(latentShape);
  const batch = (n: number): Tensor4D =>
    tf.tensor4d(randomLatents(latentShape, 3, 2).subarray(0, n * size), [n, height, width, channels]);
  const create = (seed = 1): Promise<Rectifier> =>
    plugin.create(parseOptions(plugin, options), { latentShape, random: createRandom(seed) });
  const rectified = async (made: Rectifier, latents: Tensor4D): Promise<Float32Array | Int32Array> => {
    const output = made.rectify(latents);
    latents.dispose();
    return take(output);
  };

  let tensorsBefore = 0;
  let rectifier: Rectifier;
  beforeAll(async () => {
    tensorsBefore = tf.memory().numTensors;
    rectifier = await create();
    shake(rectifier);
  });
  afterAll(() => {
    rectifier.dispose();
    rectifier.dispose(); // twice is allowed
    expect(tf.memory().numTensors, "tensors left after dispose").toBe(tensorsBefore);
  });

  it("counts its parameters without making them", () => {
    const before = tf.memory().numTensors;
    const count = plugin.parameterCount(parseOptions(plugin, options), latentShape);
    expect(tf.memory().numTensors).toBe(before);
    expect(count).toBe(rectifier.variables.reduce((sum, variable) => sum + variable.size, 0));
  });

  it("gives latents [n, h, w, c] float32, finite", async () => {
    const latents = batch(3);
    const output = rectifier.rectify(latents);
    expect(output.shape).toEqual([3, height, width, channels]);
    expect(output.dtype).toBe("float32");
    expectFinite("the rectified latents", await output.data());
    tf.dispose([latents, output]);
  });

  it("leaves its input alone: the result is the caller's own", async () => {
    const latents = batch(2);
    const before = Float32Array.from(await latents.data());
    rectifier.rectify(latents).dispose();
    expect(latents.isDisposed).toBe(false);
    expect(Float32Array.from(await latents.data())).toEqual(before);
    latents.dispose();
  });

  it("gives the same every time, and the same weights for the same seed", async () => {
    const output = await rectified(rectifier, batch(3));
    expectClose("the second time", await rectified(rectifier, batch(3)), output, 0);
    const [first, second] = [await create(5), await create(5)];
    expectClose("the same seed", await rectified(second, batch(1)), await rectified(first, batch(1)), 0);
    first.dispose();
    second.dispose();
  });

  it("treats each latent of a batch alone", async () => {
    const output = await rectified(rectifier, batch(3));
    expectClose("a batch of 1", await rectified(rectifier, batch(1)), output.slice(0, size), tolerance);
  });

  it("takes a batch of 0", () => {
    const none = tf.zeros([0, height, width, channels]) as Tensor4D;
    const nothing = rectifier.rectify(none);
    expect(nothing.shape).toEqual([0, height, width, channels]);
    tf.dispose([none, nothing]);
  });

  it("restores its state in a fresh instance of another seed, which then gives the same output", async () => {
    const fresh = await create(9);
    const state = await copyState(rectifier.state());
    fresh.restore(state);
    tf.dispose(state); // what is restored is a copy
    await expectSameState(fresh.state(), rectifier.state());
    expectClose("the restored one", await rectified(fresh, batch(2)), await rectified(rectifier, batch(2)), 0);
    fresh.dispose();
  });

  it("refuses a state without its tensors", async (context) => {
    if (Object.keys(rectifier.state()).length === 0) return context.skip("its state is empty");
    const fresh = await create();
    await expectRevqError("an empty state", () => fresh.restore({}));
    fresh.dispose();
  });

  it("keeps every variable in its state", (context) => {
    if (rectifier.variables.length === 0) return context.skip("it has nothing to train");
    const kept = new Set(Object.values(rectifier.state()).map((tensor) => tensor.id));
    for (const variable of rectifier.variables) expect(kept.has(variable.id), `variable ${variable.name}`).toBe(true);
  });

  it("leaves no tensor behind", async () => {
    const latents = batch(2);
    await expectNoLeak("rectify", () => rectifier.rectify(latents).dispose());
    await expectNoLeak("state", () => rectifier.state());
    await expectNoLeak("restore", async () => {
      const state = await copyState(rectifier.state());
      rectifier.restore(state);
      tf.dispose(state);
    });
    await expectNoLeak("create and dispose", async () => (await create()).dispose());
    latents.dispose();
  });

  it("gradients reach every variable and the input", async (context) => {
    if (rectifier.variables.length === 0) return context.skip("it has nothing to train");
    if (!engine().trains) return context.skip("this engine does not train");
    const latents = batch(2);
    await expectGradients(rectifier.variables, () => tf.square(rectifier.rectify(latents)));
    const ofInput = tf.grad((x) => tf.sum(tf.square(rectifier.rectify(x as Tensor4D))))(latents);
    const values = await take(ofInput);
    expectFinite("the gradient of the input", values);
    expect(values.some((value) => value !== 0)).toBe(true);
    latents.dispose();
  });
}

/**
 * Moves every variable a little: weights that start at zero would hide a gradient that does not
 * flow.
 */
function shake({ variables }: Rectifier): void {
  const random = createRandom(11);
  for (const variable of variables) {
    tf.tidy(() => {
      const noise = Float32Array.from({ length: variable.size }, () => 0.1 * random.normal());
      variable.assign(tf.add(variable, tf.tensor(noise, variable.shape)));
    });
  }
}
