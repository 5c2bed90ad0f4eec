/**
 * Residual vector quantization (Lee et al., "Autoregressive image generation using residual quantization", arXiv 2203.01941): every
 * stage has a codebook, and the codes of all stages add up. Codebooks are fitted one after the other by k-means on what the stages
 * before leave. Token `vector * depth + stage` is the code of that stage.
 */
import { cutOnHost, cutTokens, joinTokens, sampleLatents } from "@revq/plugin-kit";
import { latentSize, requireTensor, type FitContext, type FitReport, type LatentShape, type LatentSource, type NamedTensors, type Quantizer, type TokenSpec } from "@revq/core";
import { kmeans, nearestCodes } from "@revq/nearest";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { BeamSearch } from "./beam-search.js";
import { beamSearchOnEngine } from "./beam-search-on-engine.js";

export interface ResidualSettings {
  /** Vectors of a latent. */
  readonly vectors: number;
  readonly depth: number;
  readonly codes: number;
  readonly beam: number;
  readonly iterations: number;
  readonly samplesPerCode: number;
}

/** Numbers of training latents in memory at most: 512 MiB. */
const mostNumbers = 2 ** 27;

/** The sample, its tokens, k-means's copy of them, and what is nearest to each. */
const bytesPerNumber = 16;

/** Token t is of stage `t % depth`, and stages are groups. */
export function residualTokenSpec(vectors: number, depth: number, codes: number): TokenSpec {
  const tokens = vectors * depth;
  return {
    tokens,
    codes: new Array<number>(depth).fill(codes),
    groupOf: Int32Array.from({ length: tokens }, (_, token) => token % depth),
  };
}

export class ResidualQuantizer implements Quantizer {
  readonly tokens: TokenSpec;
  private readonly codebooks: Variable;
  private readonly dim: number;

  /** The codebooks start as zeros: call `fit` or `restore`. */
  constructor(
    private readonly shape: LatentShape,
    private readonly settings: ResidualSettings,
  ) {
    const { vectors, depth, codes } = settings;
    this.dim = latentSize(shape) / vectors;
    this.tokens = residualTokenSpec(vectors, depth, codes);
    this.codebooks = tf.tidy(() => tf.variable(tf.zeros([depth, codes, this.dim])));
  }

  async fit(latents: LatentSource, { random, report, signal, memory = Infinity }: FitContext): Promise<FitReport> {
    const { vectors, depth, codes, iterations, samplesPerCode } = this.settings;
    const { dim } = this;
    const most = Math.min(
      Math.min(mostNumbers, memory / bytesPerNumber) / latentSize(this.shape),
      (codes * samplesPerCode) / vectors,
    );
    const left = cutOnHost(await sampleLatents(latents, most, random), this.shape, vectors, "spatial");
    const samples = left.length / dim;
    const codebooks = new Float32Array(depth * codes * dim);
    const passes: { mse: number; usage: number }[] = [];
    for (let stage = 0; stage < depth; stage++) {
      const usages: number[] = [];
      const fitted = await kmeans(
        left,
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
      const { indices } = await nearestCodes(left, fitted.codebooks, { samples, groups: 1, codes, dim }, { signal });
      for (let i = 0; i < left.length; i++)
        left[i]! -= fitted.codebooks[indices[Math.floor(i / dim)]! * dim + (i % dim)]!;
    }
    tf.tidy(() => this.codebooks.assign(tf.tensor(codebooks, this.codebooks.shape)));
    return { passes };
  }

  async quantize(latents: Tensor4D): Promise<Tensor2D> {
    const { vectors, depth, codes, beam } = this.settings;
    const samples = latents.shape[0];
    const cut = cutOnHost(await latents.data(), this.shape, vectors, "spatial");
    const search = new BeamSearch((await this.codebooks.data()) as Float32Array, depth, codes, this.dim, beam);
    const found = new Int32Array(samples * vectors * depth);
    for (let vector = 0; vector < samples * vectors; vector++)
      search.search(cut, vector * this.dim, found, vector * depth);
    return tf.tensor2d(found, [samples, vectors * depth], "int32");
  }

  /** In float32, where `quantize` counts in float64. All distances of a stage are there at once: n * vectors * beam * K numbers. */
  quantizeOnEngine(latents: Tensor4D): Tensor2D {
    const { vectors, depth, beam } = this.settings;
    const samples = latents.shape[0];
    return tf.tidy(() => {
      const cut = tf.reshape(cutTokens(latents, this.shape, vectors, "spatial"), [samples * vectors, this.dim]);
      const found = beamSearchOnEngine(cut as Tensor2D, this.codebooks as Tensor as Tensor3D, beam);
      return tf.reshape(found, [samples, vectors * depth]);
    });
  }

  dequantize(codes: Tensor2D): Tensor4D {
    const { vectors, depth, codes: count } = this.settings;
    const n = codes.shape[0];
    const { height, width, channels } = this.shape;
    if (n === 0) return tf.zeros([0, height, width, channels]);
    return tf.tidy(() => {
      const stages = tf.mul(tf.range(0, depth, 1, "int32"), tf.scalar(count, "int32"));
      const rows = tf.add(tf.reshape(codes, [n * vectors, depth]), stages);
      const flat = tf.reshape(this.codebooks, [depth * count, this.dim]) as Tensor2D;
      const chosen = tf.gather(flat, tf.cast(tf.reshape(rows, [n * vectors * depth]), "int32"));
      const sums = tf.sum(tf.reshape(chosen, [n * vectors, depth, this.dim]), 1);
      return joinTokens(tf.reshape(sums, [n, vectors, this.dim]) as Tensor3D, this.shape, "spatial");
    });
  }

  /** `codebooks`, `[depth, K, d]` float32. */
  state(): NamedTensors {
    return { codebooks: this.codebooks };
  }

  restore(state: NamedTensors): void {
    const codebooks = requireTensor(state, "codebooks", this.codebooks.shape);
    tf.tidy(() => this.codebooks.assign(tf.clone(codebooks)));
  }

  dispose(): void {
    if (!this.codebooks.isDisposed) this.codebooks.dispose();
  }
}
