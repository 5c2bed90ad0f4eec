/**
 * Vector quantization with one codebook (van den Oord, Vinyals and Kavukcuoglu, "Neural discrete
 * representation learning", arXiv 1711.00937). The encoder is frozen here, so k-means learns the
 * codebook. There is no commitment loss.
 */
import {
  latentSize,
  requireTensor,
  sharedTokenLayout,
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
import {
  TokenCut,
  gatherElements,
  lookUpCodes,
  sampleLatents,
  squaredDistancesOnEngine,
  type CutSplit,
} from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";

export interface VqSettings {
  readonly tokens: number;
  readonly split: CutSplit;
  readonly codes: number;
  readonly iterations: number;
  readonly samplesPerCode: number;
}

/** Elements of training latents in memory at most: 512 MiB. */
const maxElements = 2 ** 27;

/** The sample, its tokens, k-means's copy of them, and the nearest code of each. */
const bytesPerElement = 16;

export class VqQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  /** All distances are in memory at once: n * T * K float32. */
  readonly graph: QuantizerGraph = { quantize: (coefficients) => this.quantizeByTensors(coefficients) };
  private readonly cut: TokenCut;
  private readonly codebook: Variable;

  /** The codebook starts as zeros: call `fit` or `restore`. */
  constructor(
    private readonly shape: LatentShape,
    transform: TransformLayout,
    private readonly settings: VqSettings,
  ) {
    const { tokens, split, codes } = settings;
    this.layout = sharedTokenLayout(tokens, codes, split);
    this.cut = new TokenCut(shape, tokens, split, transform);
    this.codebook = tf.tidy(() => tf.variable(tf.zeros([codes, this.cut.dim])));
  }

  async fit(latents: LatentSource, { random, report, signal, memory = Infinity }: FitContext): Promise<FitReport> {
    const { tokens, codes, iterations, samplesPerCode } = this.settings;
    const { dim } = this.cut;
    const size = latentSize(this.shape);
    const max = Math.min(Math.min(maxElements, memory / bytesPerElement) / size, (codes * samplesPerCode) / tokens);
    this.cut.fit(latents.variances);
    const sampled = await sampleLatents(latents, max, random);
    const vectors = gatherElements(sampled, await this.cut.order(), sampled.length / size);
    const usages: number[] = [];
    const fitted = await kmeans(
      vectors,
      { samples: vectors.length / dim, groups: 1, dim },
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
  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const { tokens, codes } = this.settings;
    const samples = coefficients.shape[0];
    const vectors = gatherElements(await coefficients.data(), await this.cut.order(), samples);
    const codebook = (await this.codebook.data()) as Float32Array;
    const { indices } = await nearestCodes(vectors, codebook, { samples, groups: 1, tokens, codes, dim: this.cut.dim });
    return tf.tensor2d(indices, [samples, tokens], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    return lookUpCodes(this.codebook, ids, this.cut);
  }

  /** `codebook`, `[K, d]` float32; `permutation` with the split `eigenvalue`. */
  state(): NamedTensors {
    return { codebook: this.codebook, ...this.cut.state() };
  }

  restore(state: NamedTensors): void {
    const codebook = requireTensor(state, "codebook", this.codebook.shape);
    this.cut.restore(state);
    tf.tidy(() => this.codebook.assign(tf.clone(codebook)));
  }

  dispose(): void {
    this.cut.dispose();
    if (!this.codebook.isDisposed) this.codebook.dispose();
  }

  private quantizeByTensors(coefficients: Tensor4D): Tensor2D {
    const [samples, { tokens }] = [coefficients.shape[0], this.settings];
    return tf.tidy(() => {
      const vectors = tf.reshape(this.cut.cut(coefficients), [samples * tokens, this.cut.dim]) as Tensor2D;
      const nearest = tf.argMin(squaredDistancesOnEngine(vectors, this.codebook as Tensor as Tensor2D), 1);
      return tf.reshape(nearest, [samples, tokens]);
    });
  }
}
