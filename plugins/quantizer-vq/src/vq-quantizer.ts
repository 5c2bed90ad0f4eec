/**
 * Vector quantization with one codebook (van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation learning",
 * arXiv 1711.00937). A token is the channel vector at a position, or an equal part of it. The encoder is frozen here, so learning
 * the codebook is k-means; there is no commitment loss.
 */
import { cutOnHost, cutTokens, lookUpCodes, sampleLatents, sharedTokenSpec, squaredDistancesOnEngine } from "@revq/plugin-kit";
import { latentSize, requireTensor, tokenDimension, type FitContext, type FitReport, type LatentShape, type LatentSource, type NamedTensors, type Quantizer, type TokenSpec } from "@revq/core";
import { kmeans, nearestCodes } from "@revq/nearest";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";

export interface VqSettings {
  readonly tokens: number;
  readonly codes: number;
  readonly iterations: number;
  readonly samplesPerCode: number;
}

/** Numbers of training latents in memory at most: 512 MiB. */
const mostNumbers = 2 ** 27;

/** The sample, its tokens, k-means's copy of them, and what is nearest to each. */
const bytesPerNumber = 16;

export class VqQuantizer implements Quantizer {
  readonly tokens: TokenSpec;
  private readonly codebook: Variable;
  private readonly dim: number;

  /** The codebook starts as zeros: call `fit` or `restore`. */
  constructor(
    private readonly shape: LatentShape,
    private readonly settings: VqSettings,
  ) {
    const { tokens, codes } = settings;
    this.dim = tokenDimension(shape, tokens);
    this.tokens = sharedTokenSpec(tokens, codes);
    this.codebook = tf.tidy(() => tf.variable(tf.zeros([codes, this.dim])));
  }

  async fit(latents: LatentSource, { random, report, signal, memory = Infinity }: FitContext): Promise<FitReport> {
    const { tokens, codes, iterations, samplesPerCode } = this.settings;
    const size = latentSize(this.shape);
    const most = Math.min(Math.min(mostNumbers, memory / bytesPerNumber) / size, (codes * samplesPerCode) / tokens);
    const cut = cutOnHost(await sampleLatents(latents, most, random), this.shape, tokens, "spatial");
    const usages: number[] = [];
    const fitted = await kmeans(
      cut,
      { samples: cut.length / this.dim, groups: 1, dim: this.dim },
      {
        codes,
        iterations,
        seed: random.fork("k-means").integer(2 ** 32),
        signal,
        onState: ({ counts }) => usages.push(counts.filter((count) => count > 0).length / codes),
        onProgress: ({ iteration, done, total, distortion }) =>
          report({
            phase: "fit codebook",
            done: iteration * total + done,
            total: (iterations + 1) * total,
            ...(Number.isFinite(distortion) ? { detail: `mse ${distortion.toFixed(4)}` } : {}),
          }),
      },
    );
    usages.push(fitted.usage);
    tf.tidy(() => this.codebook.assign(tf.tensor(fitted.codebooks, this.codebook.shape)));
    return { passes: fitted.distortion.map((mse, pass) => ({ mse, usage: usages[pass] ?? fitted.usage })) };
  }

  /** Exact; of equally near codes the lowest. */
  async quantize(latents: Tensor4D): Promise<Tensor2D> {
    const { tokens, codes } = this.settings;
    const samples = latents.shape[0];
    const cut = cutOnHost(await latents.data(), this.shape, tokens, "spatial");
    const codebook = (await this.codebook.data()) as Float32Array;
    const { indices } = await nearestCodes(cut, codebook, { samples, groups: 1, tokens, codes, dim: this.dim });
    return tf.tensor2d(indices, [samples, tokens], "int32");
  }

  /** All distances are there at once: n * T * K numbers. */
  quantizeOnEngine(latents: Tensor4D): Tensor2D {
    const { tokens } = this.settings;
    const samples = latents.shape[0];
    return tf.tidy(() => {
      const cut = tf.reshape(cutTokens(latents, this.shape, tokens, "spatial"), [samples * tokens, this.dim]);
      const nearest = tf.argMin(squaredDistancesOnEngine(cut as Tensor2D, this.codebook as Tensor as Tensor2D), 1);
      return tf.reshape(nearest, [samples, tokens]);
    });
  }

  dequantize(codes: Tensor2D): Tensor4D {
    return lookUpCodes(this.codebook, codes, this.shape, "spatial");
  }

  /** `codebook`, `[K, d]` float32. */
  state(): NamedTensors {
    return { codebook: this.codebook };
  }

  restore(state: NamedTensors): void {
    const codebook = requireTensor(state, "codebook", this.codebook.shape);
    tf.tidy(() => this.codebook.assign(tf.clone(codebook)));
  }

  dispose(): void {
    if (!this.codebook.isDisposed) this.codebook.dispose();
  }
}
