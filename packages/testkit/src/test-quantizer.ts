/** The conformance suite of quantizers: what `Quantizer` and `TrainableQuantizer` of @revq/core promise. */
import {
  bitsPerImage,
  createRandom,
  isRevqError,
  isTrainable,
  latentSize,
  parseOptions,
  quietContext,
  type LatentShape,
  type LatentSource,
  type OptionsSchema,
  type Quantizer,
  type QuantizerPlugin,
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
import { latentSource, randomLatents } from "./samples.js";

export interface QuantizerCase<Schema extends OptionsSchema = OptionsSchema> {
  /** For the test's title; default: the options. */
  readonly name?: string;
  /** As a user gives them; what they leave open is planned. */
  readonly options?: z.input<Schema>;
  readonly latentShape: LatentShape;
  /** Training latents; default 200. */
  readonly samples?: number;
  /** False where a quantized latent may have other codes than the ones it came from (residual quantizers). Default true. */
  readonly idempotent?: boolean;
  /**
   * How far a dequantized latent may differ with the size of its batch, relative to the largest number; default 0. Engines add up
   * matrix products in another order for another size.
   */
  readonly tolerance?: number;
}

/** Registers a `describe` block for the plugin, to be called at the top level of a test file. */
export function testQuantizer<Schema extends OptionsSchema>(
  plugin: QuantizerPlugin<Schema>,
  cases: readonly QuantizerCase<Schema>[],
): void {
  const all = cases.map((given, index) => ({
    idempotent: true,
    samples: 200,
    tolerance: 0,
    ...given,
    name: caseName(given, index),
    options: (given.options ?? {}) as z.input<Schema>,
  }));
  const widened = plugin as unknown as QuantizerPlugin;
  describe(`conformance of the quantizer ${plugin.id}`, async () => {
    testOptions(widened, all as never);
    for (const each of all) if (plugin.plan) describe(`case ${each.name}`, () => testPlan(widened, each as never));
    await describeOnEngines((engine) => {
      for (const each of all) describe(`case ${each.name}`, () => testOnEngine(widened, each as never, engine));
    });
  });
}

type FullCase = Required<Omit<QuantizerCase, "options">> & { readonly options: Record<string, unknown> };

/** Options without gaps, as a training run makes them. */
async function resolveOptions(
  plugin: QuantizerPlugin,
  { options, latentShape, samples }: FullCase,
  latents: LatentSource,
): Promise<Record<string, unknown>> {
  const planned = parseOptions(plugin, plugin.plan?.({ options, latentShape, samples }).options ?? options);
  if (!plugin.settle) return planned;
  return parseOptions(plugin, (await plugin.settle(planned, latents, quietContext(createRandom(7)))).options);
}

function testPlan(plugin: QuantizerPlugin, { options, latentShape }: FullCase): void {
  it.each([10, 1000, 1_000_000])("plans for %i samples what its schema takes, and says why", (samples) => {
    const { options: planned, reasons } = plugin.plan!({ options, latentShape, samples });
    expect(() => parseOptions(plugin, planned)).not.toThrow();
    for (const reason of reasons) expect(reason).toMatch(/\S.*[.!]$/);
    for (const [name, value] of Object.entries(options)) {
      if (value !== "auto") expect(planned[name], `option ${name}, which the user gave`).toEqual(value);
    }
  });

  it("keeps to a budget of bits, or refuses it clearly", () => {
    for (const bits of [1, 64, 1000, 10_000_000]) {
      try {
        const planned = plugin.plan!({ options: {}, latentShape, samples: 1000, bits });
        expect(() => parseOptions(plugin, planned.options)).not.toThrow();
      } catch (error) {
        expect(isRevqError(error), String(error)).toBe(true);
      }
    }
  });
}

function testOnEngine(plugin: QuantizerPlugin, given: FullCase, engine: () => Engine): void {
  const { latentShape, samples, idempotent, tolerance } = given;
  const { height, width, channels } = latentShape;
  const size = latentSize(latentShape);
  const source = latentSource(latentShape, randomLatents(latentShape, samples, 1));
  const batch = (n: number): Tensor4D => {
    // Of latents that were not fitted on.
    return tf.tensor4d(randomLatents(latentShape, 5, 2).subarray(0, n * size), [n, height, width, channels]);
  };
  let resolved: Record<string, unknown>;
  const create = (): Quantizer => plugin.create(resolved, { latentShape });
  const fitted = async (): Promise<Quantizer> => {
    const made = create();
    await made.fit(source, quietContext(createRandom(7)));
    return made;
  };
  const codesOf = async (made: Quantizer, latents: Tensor4D): Promise<Int32Array> => {
    const codes = await take(await made.quantize(latents));
    latents.dispose();
    return codes as Int32Array;
  };
  const latentsOf = (made: Quantizer, codes: ArrayLike<number>): Promise<Float32Array | Int32Array> => {
    const { tokens } = made.tokens;
    const ids = tf.tensor2d(Int32Array.from(codes), [codes.length / tokens, tokens], "int32");
    const latents = made.dequantize(ids);
    ids.dispose();
    return take(latents);
  };

  let tensorsBefore = 0;
  let quantizer: Quantizer;
  beforeAll(async () => {
    tensorsBefore = tf.memory().numTensors;
    resolved = await resolveOptions(plugin, given, source);
    quantizer = await fitted();
  });
  afterAll(() => {
    quantizer.dispose();
    quantizer.dispose(); // twice is allowed
    expect(tf.memory().numTensors, "tensors left after dispose").toBe(tensorsBefore);
  });

  it("has a group with codes for every token", () => {
    const { tokens, codes, groupOf } = quantizer.tokens;
    expect(groupOf).toBeInstanceOf(Int32Array);
    expect(groupOf.length).toBe(tokens);
    expect(new Set(groupOf)).toEqual(new Set(codes.keys()));
    for (const count of codes) expect(Number.isInteger(count) && count >= 1, `${count} codes`).toBe(true);
    expect(bitsPerImage(quantizer.tokens)).toBeGreaterThan(0);
  });

  it.runIf(plugin.describe)("describes what it makes, without making it", () => {
    const before = tf.memory().numTensors;
    const { tokens, parameters } = plugin.describe!(resolved, { latentShape });
    expect(tf.memory().numTensors).toBe(before);
    expect(tokens).toEqual(quantizer.tokens);
    expect(parameters).toBe(Object.values(quantizer.state()).reduce((sum, tensor) => sum + tensor.size, 0));
  });

  it.runIf(plugin.settle)(
    "settles for the same options every time, keeps what was chosen, leaves no tensor",
    async () => {
      await expectNoLeak("settle", async () => {
        expect(await resolveOptions(plugin, given, source)).toEqual(resolved);
        const again = await plugin.settle!(resolved, source, quietContext(createRandom(8)));
        expect(parseOptions(plugin, again.options)).toEqual(resolved);
      });
    },
  );

  it("fits, reports each pass, and leaves no tensor behind", async () => {
    const made = create();
    await expectNoLeak("fit", async () => {
      const { passes } = await made.fit(source, quietContext(createRandom(7)));
      expect(passes.length).toBeGreaterThan(0);
      for (const { mse, usage } of passes) {
        expect(mse).toBeGreaterThanOrEqual(0);
        expect(usage).toBeGreaterThan(0);
        expect(usage).toBeLessThanOrEqual(1);
      }
    });
    made.dispose();
  });

  it("gives codes [n, t] int32 within their codebooks, and latents [n, h, w, c] float32", async () => {
    const { tokens, codes, groupOf } = quantizer.tokens;
    const latents = batch(3);
    const ids = await quantizer.quantize(latents);
    expect(ids.shape).toEqual([3, tokens]);
    expect(ids.dtype).toBe("int32");
    (await ids.data()).forEach((id, i) => {
      expect(id).toBeGreaterThanOrEqual(0);
      expect(id).toBeLessThan(codes[groupOf[i % tokens]!]!);
    });
    const output = quantizer.dequantize(ids);
    expect(output.shape).toEqual([3, height, width, channels]);
    expect(output.dtype).toBe("float32");
    expectFinite("the quantized latents", await output.data());
    tf.dispose([latents, ids, output]);
  });

  it("is nearer to the latent than zero is", async () => {
    const values = randomLatents(latentShape, samples, 1).slice(0, 5 * size);
    const latents = tf.tensor4d(values, [5, height, width, channels]);
    const output = await latentsOf(quantizer, await codesOf(quantizer, latents));
    const squares = (of: (value: number, i: number) => number): number =>
      values.reduce((sum, value, i) => sum + of(value, i) ** 2, 0);
    expect(squares((value, i) => value - output[i]!)).toBeLessThan(squares((value) => value));
  });

  it("gives the same codes and latents every time, and the same fit for the same seed", async () => {
    const codes = await codesOf(quantizer, batch(5));
    expect(await codesOf(quantizer, batch(5))).toEqual(codes);
    const output = await latentsOf(quantizer, codes);
    expect(await latentsOf(quantizer, codes)).toEqual(output);
    const again = await fitted();
    expect(await codesOf(again, batch(5))).toEqual(codes);
    expect(await latentsOf(again, codes)).toEqual(output);
    again.dispose();
  });

  it.runIf(idempotent)("finds the codes of a quantized latent again", async () => {
    const codes = await codesOf(quantizer, batch(5));
    const output = await latentsOf(quantizer, codes);
    const again = await codesOf(quantizer, tf.tensor4d(output, [5, height, width, channels]));
    // Two codes may be equal: what they stand for must be the same bits.
    expect(await latentsOf(quantizer, again)).toEqual(output);
  });

  it("treats each latent of a batch alone", async () => {
    const { tokens } = quantizer.tokens;
    const codes = await codesOf(quantizer, batch(5));
    const output = await latentsOf(quantizer, codes);
    expect(await codesOf(quantizer, batch(1))).toEqual(codes.slice(0, tokens));
    const alone = await latentsOf(quantizer, codes.slice(0, tokens));
    expectClose("the latent alone", alone, output.slice(0, size), tolerance);
  });

  it("finds the same codes on the engine alone, where it can", async () => {
    if (!quantizer.quantizeOnEngine) return;
    const latents = batch(5);
    const expected = await latentsOf(quantizer, await codesOf(quantizer, batch(5)));
    let codes: ArrayLike<number> = [];
    await expectNoLeak("quantizeOnEngine", async () => {
      const found = quantizer.quantizeOnEngine!(latents);
      expect(found.shape).toEqual([5, quantizer.tokens.tokens]);
      expect(found.dtype).toBe("int32");
      codes = await take(found);
    });
    latents.dispose();
    // Two codes may be equal: what they stand for must be the same.
    expect(await latentsOf(quantizer, codes)).toEqual(expected);
  });

  it("takes a batch of 0", async () => {
    const { tokens } = quantizer.tokens;
    const none = tf.zeros([0, height, width, channels]) as Tensor4D;
    const noCodes = await quantizer.quantize(none);
    expect(noCodes.shape).toEqual([0, tokens]);
    const noLatents = quantizer.dequantize(noCodes);
    expect(noLatents.shape).toEqual([0, height, width, channels]);
    tf.dispose([none, noCodes, noLatents]);
  });

  it("takes its state up in a fresh instance, which then gives the same output", async () => {
    const codes = await codesOf(quantizer, batch(5));
    const fresh = create();
    const state = await copyState(quantizer.state());
    fresh.restore(state);
    tf.dispose(state); // what is restored is a copy
    expect(Object.keys(fresh.state())).toEqual(Object.keys(quantizer.state()));
    expect(await codesOf(fresh, batch(5))).toEqual(codes);
    expect(await latentsOf(fresh, codes)).toEqual(await latentsOf(quantizer, codes));
    if (Object.keys(quantizer.state()).length > 0) {
      await expectRevqError("an empty state", () => fresh.restore({}));
    }
    fresh.dispose();
  });

  it("leaves no tensor behind", async () => {
    const latents = batch(2);
    await expectNoLeak("quantize", async () => (await quantizer.quantize(latents)).dispose());
    const codes = await quantizer.quantize(latents);
    await expectNoLeak("dequantize", () => quantizer.dequantize(codes).dispose());
    await expectNoLeak("state", () => quantizer.state());
    await expectNoLeak("restore", async () => {
      const state = await copyState(quantizer.state());
      quantizer.restore(state);
      tf.dispose(state);
    });
    await expectNoLeak("create and dispose", () => create().dispose());
    tf.dispose([latents, codes]);
  });

  it("if it is trainable: gradients reach every variable", async (context) => {
    const made = create();
    if (!isTrainable(made)) {
      made.dispose();
      return context.skip("not trainable");
    }
    if (!engine().trains) {
      made.dispose();
      return context.skip("this engine does not train");
    }
    await expectNoLeak("initialize", () => made.initialize(source, createRandom(3)));
    const latents = batch(3);
    const codes = await made.quantize(latents);
    await expectGradients(made.variables, () => tf.squaredDifference(made.dequantize(codes), latents));
    tf.dispose([latents, codes]);
    made.dispose();
  });

  it("if it is trainable: starts and resets by its random generator alone", async (context) => {
    const [first, second] = [create(), create()];
    try {
      if (!isTrainable(first) || !isTrainable(second)) return context.skip("not trainable");
      const counts = new Int32Array(first.tokens.codes.reduce((sum, codes) => sum + codes, 0));
      counts.fill(1, 1); // the first code was not used
      for (const made of [first, second]) {
        await made.initialize(source, createRandom(3));
        await expectNoLeak("endOfEpoch", async () => {
          const replaced = await made.endOfEpoch(counts, createRandom(4));
          expect(replaced).toBeGreaterThanOrEqual(0);
          expect(replaced).toBeLessThanOrEqual(1);
        });
      }
      for (const [name, tensor] of Object.entries(first.state())) {
        expectClose(name, await second.state()[name]!.data(), await tensor.data(), 0);
      }
    } finally {
      first.dispose();
      second.dispose();
    }
  });
}
