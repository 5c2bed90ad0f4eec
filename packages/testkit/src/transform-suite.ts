/** The tests of one transform case on one engine. */
import { createRandom, latentSize, parseOptions, quietContext, type Transform, type TransformPlugin } from "@revq/core";
import type { Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { FullCase, TransformCase } from "./cases.js";
import {
  copyState,
  expectClose,
  expectFinite,
  expectNoLeak,
  expectRevqError,
  expectSameState,
  take,
} from "./checks.js";
import { latentSource, randomLatents } from "./samples.js";

export function testTransformOnEngine(
  plugin: TransformPlugin,
  { options, latentShape, tokens, samples, tolerance }: FullCase<TransformCase>,
  engine: () => Engine,
): void {
  const { height, width, channels } = latentShape;
  const size = latentSize(latentShape);
  const transformContext = { latentShape, tokens };
  const parsed = parseOptions(plugin, options);
  const training = randomLatents(latentShape, samples, 1);
  /** Three latents that were not fitted on. */
  const values = randomLatents(latentShape, 3, 2);
  const tensor = (of: Float32Array): Tensor4D => tf.tensor4d(of, [of.length / size, height, width, channels]);
  const create = (): Promise<Transform> => plugin.create(parsed, transformContext);
  const fit = (made: Transform): Promise<void> =>
    made.fit(latentSource(latentShape, training), quietContext(createRandom(7)));
  const fitted = async (): Promise<Transform> => {
    const made = await create();
    await fit(made);
    return made;
  };
  const onEngine = async (
    made: Transform,
    direction: "forward" | "inverse",
    of: Float32Array,
  ): Promise<Float32Array> => {
    const input = tensor(of);
    const output = (await take(made[direction](input))) as Float32Array;
    input.dispose();
    return output;
  };
  /** On the host where it differs from the identity. */
  const onHost = async (made: Transform, direction: "forward" | "inverse", of: Float32Array): Promise<Float32Array> => {
    const copy = Float32Array.from(of);
    (await made.host())?.[direction](copy);
    return copy;
  };

  let tensorsBefore = 0;
  let transform: Transform;
  beforeAll(async () => {
    tensorsBefore = tf.memory().numTensors;
    transform = await fitted();
  });
  afterAll(() => {
    transform?.dispose();
    transform?.dispose(); // twice is allowed
    expect(tf.memory().numTensors, "tensors left after dispose").toBe(tensorsBefore);
  });

  it("knows its layout and counts its parameters without being created", () => {
    const before = tf.memory().numTensors;
    const layout = plugin.layout(parsed, transformContext);
    const count = plugin.parameterCount(parsed, transformContext);
    expect(tf.memory().numTensors).toBe(before);
    const { block, blocks, decorrelated } = transform.layout;
    expect(layout).toMatchObject({ block, blocks, decorrelated });
    expect(count).toBe(Object.values(transform.state()).reduce((sum, { size: elements }) => sum + elements, 0));
  });

  it("cuts the latent into equal blocks, whose number divides the tokens", () => {
    const { block, blocks } = transform.layout;
    expect([height % block[0], width % block[1], tokens % blocks]).toEqual([0, 0, 0]);
    expect(blocks * block[0] * block[1]).toBe(height * width);
  });

  it("gives coefficients [n, h, w, c] float32, finite, and leaves its input alone", async () => {
    const latents = tensor(values);
    for (const direction of ["forward", "inverse"] as const) {
      const output = transform[direction](latents);
      expect(output.shape).toEqual([3, height, width, channels]);
      expect(output.dtype).toBe("float32");
      expectFinite(direction, await output.data());
      output.dispose();
    }
    expect(latents.isDisposed).toBe(false);
    expectClose("the input", await latents.data(), values, 0);
    latents.dispose();
  });

  it("is inverted by its inverse, on the engine and on the host", async () => {
    for (const run of [onEngine, onHost]) {
      const back = await run(transform, "inverse", await run(transform, "forward", values));
      expectClose("the way back", back, values, tolerance);
    }
  });

  it("is the same map on the engine and on the host", async () => {
    for (const direction of ["forward", "inverse"] as const) {
      const expected = await onHost(transform, direction, values);
      expectClose(direction, await onEngine(transform, direction, values), expected, tolerance);
    }
  });

  it("treats each latent of a batch alone", async () => {
    const first = values.slice(0, size);
    for (const direction of ["forward", "inverse"] as const) {
      const together = (await onHost(transform, direction, values)).slice(0, size);
      expectClose(`${direction} on the host`, await onHost(transform, direction, first), together, 0);
      const batch = (await onEngine(transform, direction, values)).slice(0, size);
      expectClose(`${direction} on the engine`, await onEngine(transform, direction, first), batch, tolerance);
    }
  });

  it("takes a batch of 0", async () => {
    const none = tf.zeros([0, height, width, channels]) as Tensor4D;
    for (const direction of ["forward", "inverse"] as const) {
      const nothing = transform[direction](none);
      expect(nothing.shape).toEqual([0, height, width, channels]);
      nothing.dispose();
      expect(await onHost(transform, direction, new Float32Array(0))).toEqual(new Float32Array(0));
    }
    none.dispose();
  });

  it("knows the variance of every coefficient of a block", async (context) => {
    const { variances, layout } = transform;
    if (!variances) return context.skip("it leaves the variances as they are");
    const fresh = await create();
    expect(fresh.variances, "before fit").toBeNull();
    fresh.dispose();
    const [rows, columns] = layout.block;
    const sums = new Float64Array(rows * columns * channels);
    const coefficients = await onHost(transform, "forward", training);
    coefficients.forEach((value, i) => {
      const [y, x] = [Math.floor((i % size) / (width * channels)), Math.floor(i / channels) % width];
      sums[((y % rows) * columns + (x % columns)) * channels + (i % channels)]! += value ** 2;
    });
    const measured = sums.map((sum) => sum / (samples * layout.blocks));
    // Latents have mean zero up to sampling, and a fit may take a part of them.
    expectClose("the variances", variances, measured, 0.1);
  });

  it("is fitted the same way on the same latents with the same seed, and leaves no tensor behind", async () => {
    const again = await create();
    await expectNoLeak("fit", () => fit(again));
    await expectSameState(again.state(), transform.state());
    expect(again.variances).toEqual(transform.variances);
    expect(await onHost(again, "forward", values)).toEqual(await onHost(transform, "forward", values));
    again.dispose();
  });

  it("restores its state in a fresh instance, which then gives the same output", async () => {
    const fresh = await create();
    const state = await copyState(transform.state());
    fresh.restore(state);
    tf.dispose(state); // what is restored is a copy
    await expectSameState(fresh.state(), transform.state());
    for (const direction of ["forward", "inverse"] as const) {
      expect(await onHost(fresh, direction, values)).toEqual(await onHost(transform, direction, values));
      expect(await onEngine(fresh, direction, values)).toEqual(await onEngine(transform, direction, values));
    }
    fresh.dispose();
  });

  it("refuses a state without its tensors", async (context) => {
    if (Object.keys(transform.state()).length === 0) return context.skip("its state is empty");
    const fresh = await create();
    await expectRevqError("an empty state", () => fresh.restore({}));
    fresh.dispose();
  });

  it("leaves no tensor behind", async () => {
    const latents = tensor(values);
    await expectNoLeak("forward", () => transform.forward(latents).dispose());
    await expectNoLeak("inverse", () => transform.inverse(latents).dispose());
    await expectNoLeak("host", () => transform.host());
    await expectNoLeak("state", () => transform.state());
    await expectNoLeak("restore", async () => {
      const state = await copyState(transform.state());
      transform.restore(state);
      tf.dispose(state);
    });
    await expectNoLeak("create and dispose", async () => (await create()).dispose());
    latents.dispose();
  });

  it("lets gradients through in both directions", async (context) => {
    if (!engine().trains) return context.skip("this engine does not train");
    const latents = tensor(values);
    for (const direction of ["forward", "inverse"] as const) {
      const loss = (x: tf.Tensor): tf.Tensor => tf.sum(tf.square(transform[direction](x as Tensor4D)));
      const gradient = await take(tf.grad(loss)(latents));
      expectFinite(`the gradient of ${direction}`, gradient);
      expect(gradient.some((value) => value !== 0)).toBe(true);
    }
    latents.dispose();
  });
}
