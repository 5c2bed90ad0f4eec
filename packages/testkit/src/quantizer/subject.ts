/** The quantizer under test: one case on one kind of input. */
import {
  createRandom,
  parseOptions,
  quietContext,
  type LatentSource,
  type Quantizer,
  type QuantizerDescription,
  type QuantizerPlugin,
  type QuantizerRequest,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import type { FullCase, QuantizerCase } from "../cases.js";
import { take } from "../checks.js";
import type { QuantizerInput } from "./inputs.js";

type Options = Readonly<Record<string, unknown>>;

/** Most samples that `batch` gives. */
const batchSize = 5;

export class Subject {
  readonly shape: readonly [number, number, number];
  /** Elements of a latent. */
  readonly size: number;
  /** Options that leave nothing open. */
  resolved: Options = {};
  private fittedOne: Quantizer | undefined;

  constructor(
    readonly plugin: QuantizerPlugin,
    readonly given: FullCase<QuantizerCase>,
    readonly input: QuantizerInput,
  ) {
    const { height, width, channels } = given.latentShape;
    this.shape = [height, width, channels];
    this.size = height * width * channels;
  }

  /** The fitted quantizer that the tests share, from `start` to `stop`. */
  get quantizer(): Quantizer {
    return this.fittedOne!;
  }

  async start(): Promise<void> {
    this.resolved = await this.resolve();
    this.fittedOne = await this.fitted();
  }

  stop(): void {
    this.fittedOne?.dispose();
    this.fittedOne?.dispose(); // twice is allowed
  }

  request(latents: LatentSource | null, change: Partial<QuantizerRequest> = {}): QuantizerRequest {
    const { latentShape, samples } = this.given;
    const transform = this.input.layout;
    return { ...quietContext(createRandom(7)), latentShape, samples, bits: null, transform, latents, ...change };
  }

  /** Options that leave nothing open, as a training run makes them. */
  async resolve(given: Options = this.given.options, change: Partial<QuantizerRequest> = {}): Promise<Options> {
    const { plugin } = this;
    let options: Options = parseOptions(plugin, given);
    if (!plugin.resolve) return options;
    for (const round of ["without latents", "with latents"]) {
      const latents = round === "with latents" ? this.source(options) : null;
      const candidates = await plugin.resolve(options, this.request(latents, change));
      expect(candidates.length, `candidates ${round}`).toBeGreaterThan(0);
      options = parseOptions(plugin, candidates[0]!.options as Options);
    }
    return options;
  }

  description(options: Options): QuantizerDescription {
    return this.plugin.layout(options, this.given.latentShape);
  }

  /** The training latents. */
  source(options = this.resolved): LatentSource {
    return this.input.source(this.description(options).layout.count, this.given.samples);
  }

  async create(): Promise<Quantizer> {
    const { resolved, given, input, plugin } = this;
    const transform = input.layout(this.description(resolved).layout.count);
    return plugin.create(resolved, { latentShape: given.latentShape, transform });
  }

  async fitted(): Promise<Quantizer> {
    const quantizer = await this.create();
    await quantizer.fit(this.source(), quietContext(createRandom(7)));
    return quantizer;
  }

  /** n samples, at most 5, that were not fitted on. */
  batch(n: number): Tensor4D {
    return this.tensor(this.input.values(this.quantizer.layout.count, batchSize, 2).subarray(0, n * this.size));
  }

  tensor(values: Float32Array | Int32Array): Tensor4D {
    return tf.tensor4d(values, [values.length / this.size, ...this.shape]);
  }

  /** Frees the coefficients. */
  async idsOf(quantizer: Quantizer, coefficients: Tensor4D): Promise<Int32Array> {
    const ids = await take(await quantizer.quantize(coefficients));
    coefficients.dispose();
    return ids as Int32Array;
  }

  async coefficientsOf(quantizer: Quantizer, ids: ArrayLike<number>): Promise<Float32Array> {
    const { count } = quantizer.layout;
    const tensor = tf.tensor2d(Int32Array.from(ids), [ids.length / count, count], "int32");
    const coefficients = quantizer.dequantize(tensor);
    tensor.dispose();
    return (await take(coefficients)) as Float32Array;
  }
}
