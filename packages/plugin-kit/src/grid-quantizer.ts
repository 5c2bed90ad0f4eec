/**
 * A quantizer whose codes are the points of a grid: every number of a token is rounded to one of L evenly spaced values around zero,
 * and a code counts through the grid, first number slowest. What is learned is one spacing for every place in a token.
 */
import { latentSize, requireTensor, type FitContext, type FitReport, type LatentShape, type LatentSource, type NamedTensors, type Quantizer, type TokenSpec, type TokenSplit } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { cutOnHost, lookUpCodes, sampleLatents, sharedTokenSpec } from "./shared-codebook.js";
import { cutTokens } from "./token-tensors.js";

export interface GridSettings {
  readonly tokens: number;
  readonly split: TokenSplit;
  /** L of every number of a token, `[d]`, 1 or more. */
  readonly levels: readonly number[];
  /** Tokens `[count, d]`, flat -> spacings `[d]`. */
  readonly fitSteps: (tokens: Float32Array, levels: readonly number[]) => Float64Array | Float32Array;
}

/** Numbers of training latents that spacings are fitted on. */
const fittedNumbers = 2 ** 22;

export class GridQuantizer implements Quantizer {
  readonly tokens: TokenSpec;
  private readonly steps: Variable;
  /** Points of the grid in units of the spacing, `[K, d]`. */
  private readonly grid: Tensor2D;

  constructor(
    private readonly shape: LatentShape,
    private readonly settings: GridSettings,
  ) {
    const { tokens, levels } = settings;
    const codes = gridSize(levels);
    this.tokens = sharedTokenSpec(tokens, codes);
    this.steps = tf.tidy(() => tf.variable(tf.ones([levels.length])));
    this.grid = tf.keep(tf.tensor2d(gridPoints(levels), [codes, levels.length]));
  }

  async fit(latents: LatentSource, { random }: FitContext): Promise<FitReport> {
    const { tokens, split, levels, fitSteps } = this.settings;
    const sampled = await sampleLatents(latents, fittedNumbers / latentSize(this.shape), random);
    const cut = cutOnHost(sampled, this.shape, tokens, split);
    const steps = Float32Array.from(fitSteps(cut, levels), (step) => (step > 0 ? step : 1));
    tf.tidy(() => this.steps.assign(tf.tensor1d(steps)));
    const used = new Set<number>();
    let squares = 0;
    for (let token = 0; token < cut.length; token += levels.length) {
      let code = 0;
      levels.forEach((count, i) => {
        const index = nearestLevel(cut[token + i]!, steps[i]!, count);
        code = code * count + index;
        squares += (cut[token + i]! - (index - (count - 1) / 2) * steps[i]!) ** 2;
      });
      used.add(code);
    }
    return { passes: [{ mse: squares / cut.length, usage: used.size / this.tokens.codes[0]! }] };
  }

  async quantize(latents: Tensor4D): Promise<Tensor2D> {
    const { tokens, split, levels } = this.settings;
    const steps = (await this.steps.data()) as Float32Array;
    const cut = cutOnHost(await latents.data(), this.shape, tokens, split);
    const codes = new Int32Array(latents.shape[0] * tokens);
    for (let token = 0; token < codes.length; token++) {
      let code = 0;
      for (let i = 0; i < levels.length; i++)
        code = code * levels[i]! + nearestLevel(cut[token * levels.length + i]!, steps[i]!, levels[i]!);
      codes[token] = code;
    }
    return tf.tensor2d(codes, [latents.shape[0], tokens], "int32");
  }

  quantizeOnEngine(latents: Tensor4D): Tensor2D {
    const { tokens, split, levels } = this.settings;
    const samples = latents.shape[0];
    return tf.tidy(() => {
      const cut = tf.reshape(cutTokens(latents, this.shape, tokens, split), [samples * tokens, levels.length, 1]);
      const most = Math.max(...levels);
      // Level j of L begins at j - L / 2 spacings; levels that a place does not have begin nowhere.
      const begins = levels.flatMap((count) =>
        Array.from({ length: most - 1 }, (_, i) => (i + 1 < count ? i + 1 - count / 2 : Infinity)),
      );
      const thresholds = tf.mul(
        tf.tensor3d(begins, [1, levels.length, most - 1]),
        tf.reshape(this.steps, [1, levels.length, 1]),
      );
      const indices = tf.sum(tf.cast(tf.greaterEqual(cut, thresholds), "int32"), 2);
      const strides = levels.map((_, i) => gridSize(levels.slice(i + 1)));
      const codes = tf.sum(tf.mul(indices, tf.tensor2d(strides, [1, levels.length], "int32")), 1);
      return tf.cast(tf.reshape(codes, [samples, tokens]), "int32");
    });
  }

  dequantize(codes: Tensor2D): Tensor4D {
    return tf.tidy(() => lookUpCodes(tf.mul(this.grid, this.steps), codes, this.shape, this.settings.split));
  }

  /** `steps`, `[d]` float32: the spacing of every place in a token. */
  state(): NamedTensors {
    return { steps: this.steps };
  }

  restore(state: NamedTensors): void {
    const steps = requireTensor(state, "steps", this.steps.shape);
    tf.tidy(() => this.steps.assign(tf.clone(steps)));
  }

  dispose(): void {
    tf.dispose([this.steps, this.grid]);
  }
}

/** K: points of the grid. */
export function gridSize(levels: readonly number[]): number {
  return levels.reduce((product, count) => product * count, 1);
}

/** Which of `count` values around zero is nearest; of two equally near ones the upper. */
export function nearestLevel(value: number, step: number, count: number): number {
  return Math.max(0, Math.min(count - 1, Math.floor(value / step + count / 2)));
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
