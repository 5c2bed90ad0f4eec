/** The decoder with gradients, of random weights; the suite checks its derivatives on real ones. */
import { createRandom, type Backbone, type NamedTensors } from "@revq/core";
import { registerGradients } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedTensors, variants, type VariantName } from "../src/architecture.js";
import { restoreTaeBackbone } from "../src/tae-backbone.js";

function randomState(variant: VariantName): NamedTensors {
  const { encoder, decoder } = variants[variant];
  const random = createRandom(1);
  const state: Record<string, tf.Tensor> = {};
  for (const [half, layers] of Object.entries({ encoder, decoder: decoder! })) {
    for (const [name, shape] of expectedTensors(layers)) {
      const size = shape.reduce((product, side) => product * side, 1);
      const fanIn = size / shape[0]!;
      const values = Float32Array.from({ length: size }, () => random.normal() / Math.sqrt(2 * fanIn));
      state[`${half}.${name}`] = tf.tensor(values, [...shape]);
    }
  }
  return state;
}

describe.each(["taesd", "taef2"] as const)("%s", (variant) => {
  let backbone: Backbone;
  let latents: tf.Tensor4D;
  beforeAll(async () => {
    await registerGradients();
    await tf.setBackend("cpu");
    backbone = restoreTaeBackbone(variant, randomState(variant));
    latents = tf.randomNormal([1, 2, 2, variants[variant].latentChannels], 0, 1, "float32", 3);
  });
  afterAll(() => backbone.dispose());

  it("decodes the same image", async () => {
    const expected = await (await backbone.decode(latents)).data();
    const { images, features } = backbone.gradients!.decode(latents);
    const got = await images.data();
    expect(features.map(({ shape }) => shape[1])).toEqual([2, 4, 8]);
    got.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
  });

  it("computes no gradient of frozen weights", async () => {
    const frozen = await tf.profile(() =>
      tf.tidy(() => tf.grad((x) => tf.sum(backbone.gradients!.decode(x as tf.Tensor4D).images))(latents)),
    );
    expect(frozen.kernelNames).toContain("Conv2DBackpropInput");
    expect(frozen.kernelNames).not.toContain("Conv2DBackpropFilter");
  });

  it("names every tensor of the decoder once", () => {
    const names = backbone.gradients!.stages.flat();
    expect(backbone.gradients!.stages).toHaveLength(4);
    expect([...names].sort()).toEqual(
      Object.keys(backbone.state())
        .filter((name) => name.startsWith("decoder."))
        .sort(),
    );
  });
});
