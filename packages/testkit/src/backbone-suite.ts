/** The tests of one backbone case on one engine. */
import {
  createRandom,
  latentShapeOf,
  parseOptions,
  quietContext,
  type Backbone,
  type BackboneContext,
  type BackbonePlugin,
  type NamedTensors,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BackboneCase, FullCase } from "./cases.js";
import { copyState, expectClose, expectFinite, expectNoLeak, expectRevqError, take } from "./checks.js";
import { testDecoderGradients } from "./decoder-gradients-suite.js";
import { imageSource, randomImages } from "./samples.js";

type Given = Pick<FullCase<BackboneCase>, "options" | "imageSize" | "tolerance"> & Pick<BackboneCase, "weights">;

export function testBackboneOnEngine(plugin: BackbonePlugin, { options, imageSize, weights, tolerance }: Given): void {
  const each = imageSize * imageSize * 3;
  const batch = (n: number): Tensor4D =>
    tf.tensor4d(randomImages(imageSize, 3, 2).subarray(0, n * each), [n, imageSize, imageSize, 3]);
  const parsed = parseOptions(plugin, options);
  const context = async (): Promise<BackboneContext> => ({
    imageSize,
    ...(weights ? { weights: await weights() } : {}),
  });
  const create = async (): Promise<Backbone> => plugin.create(parsed, await context());
  /** As a tokenizer that holds its backbone does it. */
  const createFrom = async (state: NamedTensors): Promise<Backbone> => {
    const resolved = plugin.resolve ? parseOptions(plugin, await plugin.resolve(parsed, await context())) : parsed;
    return plugin.create(resolved, { imageSize, state });
  };
  const ready = async (): Promise<Backbone> => {
    const made = await create();
    if (made.fit && !made.fit.fitted) {
      await made.fit.run(imageSource(imageSize, randomImages(imageSize, 24, 1)), quietContext(createRandom(7)));
    }
    return made;
  };
  const free = async (input: Tensor4D, output: Promise<Tensor4D>): Promise<Float32Array | Int32Array> => {
    const values = await take(await output);
    input.dispose();
    return values;
  };
  const encoded = (made: Backbone, images: Tensor4D): Promise<Float32Array | Int32Array> =>
    free(images, made.encode(images));
  const decoded = (made: Backbone, latents: Tensor4D): Promise<Float32Array | Int32Array> =>
    free(latents, made.decode(latents));

  let tensorsBefore = 0;
  let backbone: Backbone;
  beforeAll(async () => {
    tensorsBefore = tf.memory().numTensors;
    backbone = await ready();
  });
  afterAll(() => {
    backbone.dispose();
    backbone.dispose(); // twice is allowed
    expect(tf.memory().numTensors, "tensors left after dispose").toBe(tensorsBefore);
  });
  const latentDims = (n: number): [number, number, number, number] => {
    const { height, width, channels } = latentShapeOf(backbone.spec, imageSize);
    return [n, height, width, channels];
  };
  const elements = (): number => latentDims(1).reduce((product, size) => product * size);
  const latentsOf = async (n: number): Promise<Tensor4D> => {
    const values = await encoded(backbone, batch(3));
    return tf.tensor4d(values.slice(0, n * elements()) as Float32Array, latentDims(n));
  };

  it("has a spec", () => {
    const { name, downsample, latentChannels, decodes } = backbone.spec;
    expect(name).not.toBe("");
    expect(Number.isInteger(downsample) && downsample >= 1, `downsample ${downsample}`).toBe(true);
    expect(Number.isInteger(latentChannels) && latentChannels >= 1, `latentChannels ${latentChannels}`).toBe(true);
    expect(typeof decodes).toBe("boolean");
  });

  it("encodes images [n, H, W, 3] to latents [n, h, w, c] float32, finite, that depend on the image", async () => {
    const images = batch(2);
    const latents = await backbone.encode(images);
    expect(latents.shape).toEqual(latentDims(2));
    expect(latents.dtype).toBe("float32");
    const values = await latents.data();
    expectFinite("the latents", values);
    expect(values.slice(0, elements())).not.toEqual(values.slice(elements()));
    tf.dispose([images, latents]);
  });

  it("decodes latents to images [n, H, W, 3] float32, finite, or refuses to decode", async () => {
    const latents = await latentsOf(2);
    if (backbone.spec.decodes) {
      const images = await backbone.decode(latents);
      expect(images.shape).toEqual([2, imageSize, imageSize, 3]);
      expect(images.dtype).toBe("float32");
      expectFinite("the images", await images.data());
      images.dispose();
    } else {
      const error = await expectRevqError("decode", () => backbone.decode(latents));
      expect((error as { code?: string }).code).toBe("backbone-cannot-decode");
    }
    latents.dispose();
  });

  it("encodes the same way every time", async () => {
    expectClose("latents", await encoded(backbone, batch(2)), await encoded(backbone, batch(2)), 0);
  });

  it("decodes the same way every time", async (context) => {
    if (!backbone.spec.decodes) return context.skip("it does not decode");
    const [first, second] = [await latentsOf(2), await latentsOf(2)];
    expectClose("images", await decoded(backbone, first), await decoded(backbone, second), 0);
  });

  it("encodes each image of a batch alone", async () => {
    const latents = await encoded(backbone, batch(3));
    expectClose("one image", await encoded(backbone, batch(1)), latents.slice(0, elements()), tolerance);
  });

  it("decodes each latent of a batch alone", async (context) => {
    if (!backbone.spec.decodes) return context.skip("it does not decode");
    const images = await decoded(backbone, await latentsOf(3));
    expectClose("one latent", await decoded(backbone, await latentsOf(1)), images.slice(0, each), tolerance);
  });

  it("encodes a batch of 0", async () => {
    expect((await encoded(backbone, batch(0))).length).toBe(0);
  });

  it("decodes a batch of 0", async (context) => {
    if (!backbone.spec.decodes) return context.skip("it does not decode");
    expect((await decoded(backbone, tf.zeros(latentDims(0)) as Tensor4D)).length).toBe(0);
  });

  it("is created again from its state and resolved options alone, and then gives the same", async () => {
    const state = await copyState(backbone.state());
    expect(Object.keys(state).length, "tensors in the state").toBeGreaterThan(0);
    const again = await createFrom(state);
    tf.dispose(state); // create copies it
    if (again.fit) expect(again.fit.fitted).toBe(true);
    expect(again.spec).toEqual(backbone.spec);
    expectClose("latents", await encoded(again, batch(2)), await encoded(backbone, batch(2)), 0);
    if (backbone.spec.decodes) {
      const [first, second] = [await latentsOf(2), await latentsOf(2)];
      expectClose("images", await decoded(again, first), await decoded(backbone, second), 0);
    }
    again.dispose();
  });

  it("is fitted the same way on the same images with the same seed", async (context) => {
    if (!backbone.fit) return context.skip("it is not fitted");
    const again = await ready();
    expectClose("latents", await encoded(again, batch(2)), await encoded(backbone, batch(2)), 0);
    again.dispose();
  });

  testDecoderGradients({
    backbone: () => backbone,
    latents: async () => {
      const whole = await latentsOf(2);
      // Small, so that no backbone tiles it.
      const [, height, width] = whole.shape.map((side) => Math.min(side, 4)) as [number, number, number];
      const part = tf.slice(whole, [0, 0, 0, 0], [2, height, width, -1]);
      whole.dispose();
      return part;
    },
    tolerance,
  });

  it("leaves no tensor behind", async () => {
    const images = batch(2);
    const latents = await latentsOf(2);
    await expectNoLeak("encode", async () => (await backbone.encode(images)).dispose());
    if (backbone.spec.decodes) await expectNoLeak("decode", async () => (await backbone.decode(latents)).dispose());
    await expectNoLeak("state", () => backbone.state());
    tf.dispose([images, latents]);
  });
}
