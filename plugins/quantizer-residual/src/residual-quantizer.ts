/**
 * Residual vector quantization (Lee et al., "Autoregressive image generation using residual
 * quantization", arXiv 2203.01941): every stage has a codebook, and the codes of all stages add up.
 * k-means fits the codebooks one after the other, each to the residuals of the stages before it.
 * Token `vector * depth + stage` is the code of that stage.
 */
import {
  latentSize,
  requireTensor,
  type FitContext,
  type FitReport,
  type LatentShape,
  type LatentSource,
  type NamedTensors,
  type Quantizer,
  type QuantizerGraph,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";
import { kmeans, nearestCodes } from "@revq/nearest";
import { TokenCut, gatherElements, sampleLatents, type CutSplit } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { beamSearchOnEngine } from "./beam-search-on-engine.js";
import { BeamSearch } from "./beam-search.js";
import { residualLayout } from "./residual-layout.js";

export interface ResidualSettings {
  /** Vectors of a latent. */
  readonly vectors: number;
  readonly split: CutSplit;
  readonly depth: number;
  readonly codes: number;
  readonly beam: number;
  readonly iterations: number;
  readonly samplesPerCode: number;
}

/** Elements of training latents in memory at most: 512 MiB. */
const maxElements = 2 ** 27;

/** The sample, its vectors, k-means's copy of them, and the nearest code of each. */
const bytesPerElement = 16;

export class ResidualQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  /**
   * In float32, where `Quantizer.quantize` counts in float64. All distances of a stage are in
   * memory at once: n * vectors * beam * K float32.
   */
  readonly graph: QuantizerGraph = { quantize: (coefficients) => this.quantizeByTensors(coefficients) };
  private readonly cut: TokenCut;
  private readonly codebooks: Variable;

  /** The codebooks start as zeros: call `fit` or `restore`. */
  constructor(
    private readonly shape: LatentShape,
    transform: TransformLayout,
    private readonly settings: ResidualSettings,
  ) {
    const { vectors, split, depth, codes } = settings;
    this.layout = residualLayout(vectors, depth, codes, split);
    this.cut = new TokenCut(shape, vectors, split, transform);
    this.codebooks = tf.tidy(() => tf.variable(tf.zeros([depth, codes, this.cut.dim])));
  }

  async fit(latents: LatentSource, { random, report, signal, memory = Infinity }: FitContext): Promise<FitReport> {
    const { vectors, depth, codes, iterations, samplesPerCode } = this.settings;
    const { dim } = this.cut;
    const size = latentSize(this.shape);
    const max = Math.min(Math.min(maxElements, memory / bytesPerElement) / size, (codes * samplesPerCode) / vectors);
    this.cut.fit(latents.variances);
    const sampled = await sampleLatents(latents, max, random);
    const residuals = gatherElements(sampled, await this.cut.order(), sampled.length / size);
    const samples = residuals.length / dim;
    const codebooks = new Float32Array(depth * codes * dim);
    const passes: { mse: number; usage: number }[] = [];
    for (let stage = 0; stage < depth; stage++) {
      const usages: number[] = [];
      const fitted = await kmeans(
        residuals,
        { samples, groups: 1, dim },
        {
          codes,
          iterations,
          seed: random.fork(`stage ${stage}`).integer(2 ** 32),
          signal,
          onState: ({ counts }) => usages.push(counts.filter((count) => count > 0).length / codes),
          onProgress: ({ iteration, distortion }) =>
            report({
              phase: "fit codebooks",
              done: stage * (iterations + 1) + iteration,
              total: depth * (iterations + 1),
              ...(Number.isFinite(distortion) ? { detail: `stage ${stage + 1}, mse ${distortion.toFixed(4)}` } : {}),
            }),
        },
      );
      codebooks.set(fitted.codebooks, stage * codes * dim);
      passes.push(...fitted.distortion.map((mse, pass) => ({ mse, usage: usages[pass] ?? fitted.usage })));
      const shape = { samples, groups: 1, codes, dim };
      const { indices } = await nearestCodes(residuals, fitted.codebooks, shape, { signal });
      for (let i = 0; i < residuals.length; i++)
        residuals[i]! -= fitted.codebooks[indices[Math.floor(i / dim)]! * dim + (i % dim)]!;
    }
    tf.tidy(() => this.codebooks.assign(tf.tensor(codebooks, this.codebooks.shape)));
    return { passes };
  }

  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const { vectors, depth, codes, beam } = this.settings;
    const { dim } = this.cut;
    const samples = coefficients.shape[0];
    const cut = gatherElements(await coefficients.data(), await this.cut.order(), samples);
    const search = new BeamSearch((await this.codebooks.data()) as Float32Array, depth, codes, dim, beam);
    const ids = new Int32Array(samples * vectors * depth);
    for (let vector = 0; vector < samples * vectors; vector++) search.search(cut, vector * dim, ids, vector * depth);
    return tf.tensor2d(ids, [samples, vectors * depth], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    const { vectors, depth, codes } = this.settings;
    const { dim } = this.cut;
    const n = ids.shape[0];
    const { height, width, channels } = this.shape;
    if (n === 0) return tf.zeros([0, height, width, channels]);
    return tf.tidy(() => {
      const stages = tf.mul(tf.range(0, depth, 1, "int32"), tf.scalar(codes, "int32"));
      const rows = tf.add(tf.reshape(ids, [n * vectors, depth]), stages);
      const flat = tf.reshape(this.codebooks, [depth * codes, dim]) as Tensor2D;
      const chosen = tf.gather(flat, tf.cast(tf.reshape(rows, [n * vectors * depth]), "int32"));
      const sums = tf.sum(tf.reshape(chosen, [n * vectors, depth, dim]), 1);
      return this.cut.join(tf.reshape(sums, [n, vectors, dim]) as Tensor3D);
    });
  }

  /** `codebooks`, `[depth, K, d]` float32; `permutation` with the split `eigenvalue`. */
  state(): NamedTensors {
    return { codebooks: this.codebooks, ...this.cut.state() };
  }

  restore(state: NamedTensors): void {
    const codebooks = requireTensor(state, "codebooks", this.codebooks.shape);
    this.cut.restore(state);
    tf.tidy(() => this.codebooks.assign(tf.clone(codebooks)));
  }

  dispose(): void {
    this.cut.dispose();
    if (!this.codebooks.isDisposed) this.codebooks.dispose();
  }

  private quantizeByTensors(coefficients: Tensor4D): Tensor2D {
    const { vectors, depth, beam } = this.settings;
    const samples = coefficients.shape[0];
    return tf.tidy(() => {
      const cut = tf.reshape(this.cut.cut(coefficients), [samples * vectors, this.cut.dim]) as Tensor2D;
      const ids = beamSearchOnEngine(cut, this.codebooks as Tensor as Tensor3D, beam);
      return tf.reshape(ids, [samples, vectors * depth]);
    });
  }
}
