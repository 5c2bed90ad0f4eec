/** The conformance suite of rectifiers: what `Rectifier` of @revq/core promises. */
import {
  createRandom,
  latentSize,
  parseOptions,
  type LatentShape,
  type OptionsSchema,
  type Rectifier,
  type RectifierPlugin,
} from "@revq/core";
import type { Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import {
  copyState,
  expectClose,
  expectFinite,
  expectGradients,
  expectNoLeak,
  expectRevqError,
  take,
} from "./checks.js";
import { describeOnEngines } from "./engines.js";
import { caseName, testOptions } from "./options-suite.js";
import { randomLatents } from "./samples.js";

export interface RectifierCase<Schema extends OptionsSchema = OptionsSchema> {
  /** For the test's title; default: the options. */
  readonly name?: string;
  /** As a user gives them. Keep the network small: it runs on every engine. */
  readonly options?: z.input<Schema>;
  readonly latentShape: LatentShape;
  /** How far a latent may differ with the size of its batch, relative to the largest output; default 1e-5. */
  readonly tolerance?: number;
}

/** Registers a `describe` block for the plugin, to be called at the top level of a test file. */
export function testRectifier<Schema extends OptionsSchema>(
  plugin: RectifierPlugin<Schema>,
  cases: readonly RectifierCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    tolerance: 1e-5,
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as Record<string, unknown>,
  }));
  const widened = plugin as unknown as RectifierPlugin;
  describe(`conformance of the rectifier ${plugin.id}`, async () => {
    testOptions(widened, all);
    await describeOnEngines((engine) => {
      for (const each of all) describe(`case ${each.name}`, () => testOnEngine(widened, each, engine));
    });
  });
}

type FullCase = Required<Omit<RectifierCase, "options">> & { readonly options: Record<string, unknown> };

function testOnEngine(
  plugin: RectifierPlugin,
  { options, latentShape, tolerance }: FullCase,
  engine: () => Engine,
): void {
  const { height, width, channels } = latentShape;
  const size = latentSize(latentShape);
  const batch = (n: number): Tensor4D =>
    tf.tensor4d(randomLatents(latentShape, 3, 2).subarray(0, n * size), [n, height, width, channels]);
  const create = (seed = 1): Rectifier =>
    plugin.create(parseOptions(plugin, options), { latentShape, random: createRandom(seed) });
  const rectified = async (made: Rectifier, latents: Tensor4D): Promise<Float32Array | Int32Array> => {
    const output = made.rectify(latents);
    latents.dispose();
    return take(output);
  };

  let tensorsBefore = 0;
  let rectifier: Rectifier;
  beforeAll(() => {
    tensorsBefore = tf.memory().numTensors;
    rectifier = create();
    shake(rectifier);
  });
  afterAll(() => {
    rectifier.dispose();
    rectifier.dispose(); // twice is allowed
    expect(tf.memory().numTensors, "tensors left after dispose").toBe(tensorsBefore);
  });

  it.runIf(plugin.describe)("describes what it makes, without making it", () => {
    const before = tf.memory().numTensors;
    const { parameters } = plugin.describe!(parseOptions(plugin, options), { latentShape });
    expect(tf.memory().numTensors).toBe(before);
    expect(parameters).toBe(rectifier.variables.reduce((sum, variable) => sum + variable.size, 0));
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
    const [first, second] = [create(5), create(5)];
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

  it("takes its state up in a fresh instance of another seed, which then gives the same output", async () => {
    const fresh = create(9);
    const state = await copyState(rectifier.state());
    fresh.restore(state);
    tf.dispose(state); // what is restored is a copy
    expect(Object.keys(fresh.state())).toEqual(Object.keys(rectifier.state()));
    expectClose("the restored one", await rectified(fresh, batch(2)), await rectified(rectifier, batch(2)), 0);
    if (Object.keys(rectifier.state()).length > 0) await expectRevqError("an empty state", () => fresh.restore({}));
    fresh.dispose();
  });

  it("keeps every variable in its state", () => {
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
    await expectNoLeak("create and dispose", () => create().dispose());
    latents.dispose();
  });

  it("if it trains: gradients reach every variable and the input", async (context) => {
    if (rectifier.variables.length === 0) return context.skip("nothing to train");
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

/** Moves every variable a little: weights that start at zero would hide a gradient that does not flow. */
function shake({ variables }: Rectifier): void {
  const random = createRandom(11);
  for (const variable of variables) {
    tf.tidy(() => {
      const noise = Float32Array.from({ length: variable.size }, () => 0.1 * random.normal());
      variable.assign(tf.add(variable, tf.tensor(noise, variable.shape)));
    });
  }
}
