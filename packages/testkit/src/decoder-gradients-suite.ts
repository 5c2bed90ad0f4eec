/** The tests of a decoder with gradients: its values, its names and its derivatives. */
import { createRandom, type Backbone, type DecoderGradients, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { expect, it, type TestContext } from "vitest";
import { expectClose, expectFinite, expectNoLeak, take } from "./checks.js";

interface Given {
  readonly backbone: () => Backbone;
  /** Two small latents; the caller frees them. */
  readonly latents: () => Promise<Tensor4D>;
  readonly tolerance: number;
}

/** Length of a step of a central difference, as a part of the tensor's own length. */
const stepLength = 2e-4;
/** How far a derivative may differ from a central difference. Kinks such as a ReLU's cost most. */
const derivativeTolerance = 0.02;

export function testDecoderGradients({ backbone, latents: make, tolerance }: Given): void {
  const test = (title: string, run: (decoder: DecoderGradients, latents: Tensor4D) => Promise<void>): void =>
    it(title, async (context: TestContext) => {
      const { gradients } = backbone();
      if (!gradients) return context.skip("its decoder has no gradients");
      const latents = await make();
      await run(gradients, latents);
      latents.dispose();
    });
  /** Computes in `tf.tidy` and downloads. */
  const values = (run: () => Tensor): Promise<Float32Array | Int32Array> => take(tf.tidy(run));

  test("with gradients, decodes the same images, and finite features [n, h, w, c]", async (decoder, latents) => {
    const images = await backbone().decode(latents);
    expectClose("the images", await values(() => decoder.decode(latents).images), await images.data(), tolerance);
    images.dispose();
    const features = tf.tidy(() => [...decoder.decode(latents).features]);
    for (const feature of features) {
      expect(feature.shape.length, "axes of a feature").toBe(4);
      expect(feature.shape[0]).toBe(latents.shape[0]);
      expectFinite("a feature", await take(feature));
    }
  });

  test("names tensors of its state in stages, each once", async ({ stages }) => {
    const names = stages.flat();
    expect(names.length, "tensors in the stages").toBeGreaterThan(0);
    expect(new Set(names).size, "different names").toBe(names.length);
    for (const name of names) expect(Object.keys(backbone().state()), `the state has ${name}`).toContain(name);
  });

  test("decodes the same with its own tensors in the place of themselves", async (decoder, latents) => {
    const state = backbone().state();
    const same = Object.fromEntries(decoder.stages.flat().map((name) => [name, state[name]!]));
    const images = await values(() => decoder.decode(latents).images);
    expectClose("the images", await values(() => decoder.decode(latents, same).images), images, 0);
  });

  test("has the gradients of central differences, in the latents and in a weight", async (decoder, latents) => {
    const name = weightOf(decoder, backbone().state());
    const weight = backbone().state()[name]!;
    const plain = tf.tidy(() => decoder.decode(latents).images);
    const random = createRandom(5);
    const towards = tf.tensor4d(
      Float32Array.from({ length: plain.size }, () => random.normal()),
      plain.shape,
    );
    plain.dispose();
    const images = (x: Tensor, w: Tensor): Tensor => decoder.decode(x as Tensor4D, { [name]: w }).images;
    /** A random linear functional of the images, added up in float64. */
    const functional = async (x: Tensor, w: Tensor): Promise<number> => {
      const [made, directions] = [await values(() => images(x, w)), await towards.data()];
      return Array.from(made).reduce((sum, value, i) => sum + value * directions[i]!, 0);
    };
    const [ofLatents, ofWeight] = tf.tidy(() =>
      tf.grads((x, w) => tf.sum(tf.mul(images(x!, w!), towards)))([latents, weight]),
    ) as [Tensor, Tensor];
    await expectDerivatives("the latents", latents, ofLatents, (x) => functional(x, weight));
    await expectDerivatives(name, weight, ofWeight, (w) => functional(latents, w));
    towards.dispose();
  });

  test("leaves no tensor behind when it decodes with gradients", async (decoder, latents) => {
    await expectNoLeak("decode with gradients", () => {
      tf.tidy(() => tf.grad((x) => tf.sum(decoder.decode(x as Tensor4D).images))(latents)).dispose();
    });
  });
}

/** The first kernel or matrix of the stage in the middle. */
function weightOf({ stages }: DecoderGradients, state: NamedTensors): string {
  const middle = stages[Math.floor(stages.length / 2)]!;
  return middle.find((name) => state[name]!.rank > 1) ?? middle[0]!;
}

/**
 * Compares a gradient with central differences along itself, and along random halves of itself: an
 * element that is wrong or in the wrong place changes one of them. Frees the gradient.
 */
async function expectDerivatives(
  what: string,
  at: Tensor,
  gradient: Tensor,
  functional: (x: Tensor) => Promise<number>,
): Promise<void> {
  const random = createRandom(6);
  const [origin, slopes] = [await at.data(), await take(gradient)];
  expectFinite(`the gradient in ${what}`, slopes);
  const length = lengthOf(origin);
  for (let round = 0; round < 3; round++) {
    const chosen = Float64Array.from(slopes, (slope) => (round === 0 || random.uniform() < 0.5 ? slope : 0));
    const norm = lengthOf(chosen);
    expect(norm, `the length of the gradient in ${what}`).toBeGreaterThan(0);
    const size = (stepLength * length) / norm;
    const moved = async (sign: 1 | -1): Promise<number> => {
      const x = tf.tensor(
        Float32Array.from(origin, (value, i) => value + sign * size * chosen[i]!),
        at.shape,
      );
      const result = await functional(x);
      x.dispose();
      return result;
    };
    const difference = ((await moved(1)) - (await moved(-1))) / (2 * size * norm);
    expect(
      Math.abs(difference / norm - 1),
      `the derivative in ${what}: ${norm}, by differences ${difference}`,
    ).toBeLessThan(derivativeTolerance);
  }
}

function lengthOf(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}
