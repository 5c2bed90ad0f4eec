/** The conformance suite of backbones: what `Backbone` and `FittableBackbone` of @revq/core promise. */
import {
  createRandom,
  isFittable,
  latentShapeOf,
  parseOptions,
  quietContext,
  type Backbone,
  type BackbonePlugin,
  type NamedTensors,
  type OptionsSchema,
  type WeightsSource,
} from "@revq/core";
import type { EngineId } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { copyState, expectClose, expectFinite, expectNoLeak, expectRevqError, take } from "./checks.js";
import { describeOnEngines } from "./engines.js";
import { caseName, testOptions } from "./options-suite.js";
import { imageSource, randomImages } from "./samples.js";

export interface BackboneCase<Schema extends OptionsSchema = OptionsSchema> {
  /** For the test's title; default: the options. */
  readonly name?: string;
  /** As a user gives them. */
  readonly options?: z.input<Schema>;
  /** Side of the images in pixels; keep it small. */
  readonly imageSize: number;
  /** Where the weights are, for a backbone that needs them; opened again for every instance. */
  readonly weights?: () => WeightsSource | Promise<WeightsSource>;
  /** Why the case cannot run here (weights that are not there); its tests are then skipped. */
  readonly skip?: string | undefined;
  /** The engines to run on, for a network that plain JavaScript takes minutes for; default: all that are there. */
  readonly engines?: readonly EngineId[] | undefined;
  /** How far an image may differ with the size of its batch, relative to the largest output; default 1e-5. */
  readonly tolerance?: number;
}

/** Registers a `describe` block for the plugin, to be called at the top level of a test file. */
export function testBackbone<Schema extends OptionsSchema>(
  plugin: BackbonePlugin<Schema>,
  cases: readonly BackboneCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as Record<string, unknown>,
  }));
  const widened = plugin as unknown as BackbonePlugin;
  describe(`conformance of the backbone ${plugin.id}`, async () => {
    testOptions(widened, all);
    it.runIf(plugin.weights === "required")("asks for weights where none were given", async () => {
      const [{ options, imageSize } = { options: {}, imageSize: 64 }] = all;
      const parsed = parseOptions(widened, options);
      await expectRevqError("create without weights", () => widened.create(parsed, { imageSize }));
    });
    await describeOnEngines((_, id) => {
      for (const each of all) {
        const skip = each.skip ?? (each.engines && !each.engines.includes(id) ? `left out on ${id}` : undefined);
        if (skip) it.skip(`case ${each.name}: ${skip}`, () => {});
        else describe(`case ${each.name}`, () => testOnEngine(widened, each));
      }
    });
  });
}

type FullCase = Omit<BackboneCase, "options" | "name"> & { readonly options: Record<string, unknown> };

function testOnEngine(plugin: BackbonePlugin, { options, imageSize, weights, tolerance = 1e-5 }: FullCase): void {
  const each = imageSize * imageSize * 3;
  const batch = (n: number): Tensor4D =>
    tf.tensor4d(randomImages(imageSize, 3, 2).subarray(0, n * each), [n, imageSize, imageSize, 3]);
  const create = async (state?: NamedTensors): Promise<Backbone> => {
    const source = state === undefined && weights ? { weights: await weights() } : {};
    const given = state ? (backbone.options ?? options) : options;
    return plugin.create(parseOptions(plugin, given), { imageSize, ...source, ...(state ? { state } : {}) });
  };
  const ready = async (): Promise<Backbone> => {
    const made = await create();
    if (isFittable(made) && !made.fitted) {
      await made.fit(imageSource(imageSize, randomImages(imageSize, 24, 1)), quietContext(createRandom(7)));
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
  const latentNumbers = (): number => latentDims(1).reduce((product, size) => product * size);
  const latentsOf = async (n: number): Promise<Tensor4D> => {
    const values = await encoded(backbone, batch(3));
    return tf.tensor4d(values.slice(0, n * latentNumbers()) as Float32Array, latentDims(n));
  };

  it("says what it is", () => {
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
    expect(values.slice(0, latentNumbers())).not.toEqual(values.slice(latentNumbers()));
    tf.dispose([images, latents]);
  });

  it("decodes latents to images [n, H, W, 3] float32, finite, or says that it cannot", async () => {
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

  it("gives the same every time", async () => {
    expectClose("latents", await encoded(backbone, batch(2)), await encoded(backbone, batch(2)), 0);
    if (!backbone.spec.decodes) return;
    const [first, second] = [await latentsOf(2), await latentsOf(2)];
    expectClose("images", await decoded(backbone, first), await decoded(backbone, second), 0);
  });

  it("treats each image of a batch alone", async () => {
    const latents = await encoded(backbone, batch(3));
    expectClose("one image", await encoded(backbone, batch(1)), latents.slice(0, latentNumbers()), tolerance);
    if (!backbone.spec.decodes) return;
    const images = await decoded(backbone, await latentsOf(3));
    expectClose("one latent", await decoded(backbone, await latentsOf(1)), images.slice(0, each), tolerance);
  });

  it("takes a batch of 0", async () => {
    expect((await encoded(backbone, batch(0))).length).toBe(0);
    const none = tf.zeros(latentDims(0)) as Tensor4D;
    if (backbone.spec.decodes) expect((await decoded(backbone, none)).length).toBe(0);
    none.dispose();
  });

  it("is made again out of its state and options alone, and then gives the same", async () => {
    const state = await copyState(backbone.state());
    expect(Object.keys(state).length, "tensors in the state").toBeGreaterThan(0);
    const again = await create(state);
    tf.dispose(state); // what it is made of is copied
    if (isFittable(again)) expect(again.fitted).toBe(true);
    expect(again.spec).toEqual(backbone.spec);
    expectClose("latents", await encoded(again, batch(2)), await encoded(backbone, batch(2)), 0);
    if (backbone.spec.decodes) {
      const [first, second] = [await latentsOf(2), await latentsOf(2)];
      expectClose("images", await decoded(again, first), await decoded(backbone, second), 0);
    }
    again.dispose();
  });

  it("if it is fitted: the same images and seed give the same backbone", async (context) => {
    const again = await ready();
    const fittable = isFittable(again);
    if (fittable) expectClose("latents", await encoded(again, batch(2)), await encoded(backbone, batch(2)), 0);
    again.dispose();
    if (!fittable) return context.skip("not fitted");
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
