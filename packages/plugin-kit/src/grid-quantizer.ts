/**
 * A quantizer whose codes are the points of a grid. Every element of a token is rounded to one of L evenly spaced values
 * around zero. An id counts through the grid, first element slowest. One spacing per element of a token is learned.
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
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { CoefficientScale } from "./coefficient-scale.js";
import type { CutSplit } from "./descriptor.js";
import { gridSize, nearestLevel } from "./grid.js";
import { lookUpCodes, sampleLatents } from "./shared-codebook.js";
import { TokenCut, gatherElements } from "./token-cut.js";

export interface GridSettings {
  readonly tokens: number;
  readonly split: CutSplit;
  /** L of every element of a token, `[d]`, 1 or more. */
  readonly levels: readonly number[];
  /** Tokens `[count, d]`, flat -> spacings `[d]`. */
  readonly fitSteps: (tokens: Float32Array, levels: readonly number[]) => Float64Array | Float32Array;
}

/** Elements of training latents that spacings are fitted on. */
const fittedElements = 2 ** 22;

export class GridQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  readonly graph: QuantizerGraph = { quantize: (coefficients) => this.quantizeByTensors(coefficients) };
  private readonly cut: TokenCut;
  private readonly scale: CoefficientScale;
  private readonly steps: Variable;
  /** Points of the grid in units of the spacing, `[K, d]`. */
  private readonly grid: Tensor2D;

  constructor(
    private readonly shape: LatentShape,
    transform: TransformLayout,
    private readonly settings: GridSettings,
  ) {
    const { tokens, split, levels } = settings;
    const codes = gridSize(levels);
    this.layout = sharedTokenLayout(tokens, codes, split);
    this.cut = new TokenCut(shape, tokens, split, transform);
    this.scale = new CoefficientScale(shape, transform);
    this.steps = tf.tidy(() => tf.variable(tf.ones([levels.length])));
    this.grid = tf.keep(tf.tensor2d(gridPoints(levels), [codes, levels.length]));
  }

  async fit(latents: LatentSource, { random }: FitContext): Promise<FitReport> {
    const { levels, fitSteps } = this.settings;
    this.cut.fit(latents.variances);
    this.scale.fit(latents.variances);
    const sampled = await sampleLatents(latents, fittedElements / latentSize(this.shape), random);
    const tokens = await this.scaledTokens(sampled);
    const steps = Float32Array.from(fitSteps(tokens, levels), (step) => (step > 0 ? step : 1));
    tf.tidy(() => this.steps.assign(tf.tensor1d(steps)));
    const deviations = await this.deviationsOfTokens();
    const used = new Set<number>();
    let squares = 0;
    for (let token = 0; token < tokens.length; token += levels.length) {
      let id = 0;
      levels.forEach((count, i) => {
        const index = nearestLevel(tokens[token + i]!, steps[i]!, count);
        id = id * count + index;
        const deviation = deviations ? deviations[(token + i) % deviations.length]! : 1;
        squares += ((tokens[token + i]! - (index - (count - 1) / 2) * steps[i]!) * deviation) ** 2;
      });
      used.add(id);
    }
    return { passes: [{ mse: squares / tokens.length, usage: used.size / this.layout.codebookSizes[0]! }] };
  }

  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const { tokens, levels } = this.settings;
    const steps = (await this.steps.data()) as Float32Array;
    const cut = await this.scaledTokens(await coefficients.data());
    const ids = new Int32Array(coefficients.shape[0] * tokens);
    for (let token = 0; token < ids.length; token++) {
      let id = 0;
      for (let i = 0; i < levels.length; i++)
        id = id * levels[i]! + nearestLevel(cut[token * levels.length + i]!, steps[i]!, levels[i]!);
      ids[token] = id;
    }
    return tf.tensor2d(ids, [coefficients.shape[0], tokens], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    return tf.tidy(() => this.scale.multiply(lookUpCodes(tf.mul(this.grid, this.steps), ids, this.cut)));
  }

  /**
   * `steps`, `[d]` float32: the spacing of every element of a token, in standard deviations where there is a `scale`.
   * `permutation` with the split `eigenvalue`.
   */
  state(): NamedTensors {
    return { steps: this.steps, ...this.cut.state(), ...this.scale.state() };
  }

  restore(state: NamedTensors): void {
    const steps = requireTensor(state, "steps", this.steps.shape);
    this.cut.restore(state);
    this.scale.restore(state);
    tf.tidy(() => this.steps.assign(tf.clone(steps)));
  }

  dispose(): void {
    this.cut.dispose();
    this.scale.dispose();
    tf.dispose([this.steps, this.grid]);
  }

  /** coefficients `[n, h, w, c]` flat -> tokens `[n, T, d]` flat, divided by the deviations. */
  private async scaledTokens(coefficients: ArrayLike<number>): Promise<Float32Array> {
    const order = await this.cut.order();
    const samples = coefficients.length / order.length;
    const deviations = await this.scale.elements();
    if (!deviations) return gatherElements(coefficients, order, samples);
    const scaled = Float32Array.from(coefficients);
    await this.scale.divideOnHost(scaled);
    return gatherElements(scaled, order, samples);
  }

  /** Deviation of every element of `[T, d]`; null where all elements vary alike. */
  private async deviationsOfTokens(): Promise<Float32Array | null> {
    const deviations = await this.scale.elements();
    return deviations && gatherElements(deviations, await this.cut.order(), 1);
  }

  private quantizeByTensors(coefficients: Tensor4D): Tensor2D {
    const { tokens, levels } = this.settings;
    const samples = coefficients.shape[0];
    return tf.tidy(() => {
      const cut = this.cut.cut(this.scale.divide(coefficients));
      const values = tf.reshape(cut, [samples * tokens, levels.length, 1]);
      const max = Math.max(...levels);
      // Level j of L begins at j - L / 2 spacings; levels that an element does not have begin nowhere.
      const begins = levels.flatMap((count) =>
        Array.from({ length: max - 1 }, (_, i) => (i + 1 < count ? i + 1 - count / 2 : Infinity)),
      );
      const thresholds = tf.mul(
        tf.tensor3d(begins, [1, levels.length, max - 1]),
        tf.reshape(this.steps, [1, levels.length, 1]),
      );
      const indices = tf.sum(tf.cast(tf.greaterEqual(values, thresholds), "int32"), 2);
      const strides = levels.map((_, i) => gridSize(levels.slice(i + 1)));
      const ids = tf.sum(tf.mul(indices, tf.tensor2d(strides, [1, levels.length], "int32")), 1);
      return tf.cast(tf.reshape(ids, [samples, tokens]), "int32");
    });
  }
}

function gridPoints(levels: readonly number[]): Float32Array {
  const codes = gridSize(levels);
  const points = new Float32Array(codes * levels.length);
  for (let code = 0; code < codes; code++) {
    let rest = code;
    for (let i = levels.length - 1; i >= 0; i--) {
      points[code * levels.length + i] = (rest % levels[i]!) - (levels[i]! - 1) / 2;
      rest = Math.floor(rest / levels[i]!);
    }
  }
  return points;
}
