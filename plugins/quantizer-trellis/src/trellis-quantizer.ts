/**
 * Trellis-coded quantization (Marcellin and Fischer 1990; the state is a shift register as in QTIP, Tseng
 * et al., arXiv 2406.11235). The coefficients of an image are one path through a trellis of 256 states. The
 * path's bits, cut into pieces of log2 K, are the tokens.
 */
import {
  createRandom,
  latentSize,
  requireTensor,
  sharedTokenLayout,
  type FitContext,
  type FitReport,
  type LatentShape,
  type LatentSource,
  type NamedTensors,
  type Quantizer,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";
import { sampleLatents } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { Coder, ratesFor } from "./coder.js";
import { decodeIds, decodePlan, type DecodePlan } from "./decode.js";
import { blockShape, deviationsOf, tileDeviations } from "./deviations.js";
import { fitTables } from "./fit-tables.js";
import { blockSize } from "./rates.js";
import { firstTables, tableSize } from "./tables.js";

/** Coefficients that the branches are trained on. */
const fittedElements = 2 ** 20;

export interface TrellisSettings {
  readonly tokens: number;
  /** A power of 2. */
  readonly codes: number;
  /** Over the training coefficients. */
  readonly passes: number;
}

/** What a fit learns, and what follows from it. */
interface Fitted {
  readonly coder: Coder;
  readonly decode: DecodePlan;
  readonly state: { readonly tables: Tensor1D; readonly rates: Tensor1D; readonly scale: Tensor3D | null };
}

export class TrellisQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  private readonly block: [number, number, number];
  private fitted: Fitted;

  constructor(
    private readonly shape: LatentShape,
    transform: TransformLayout,
    private readonly settings: TrellisSettings,
  ) {
    this.layout = sharedTokenLayout(settings.tokens, settings.codes);
    this.block = blockShape(shape, transform);
    // Before the fit: all coefficients vary alike.
    this.fitted = this.fittedOf(null, this.ratesOf(null), firstTables(createRandom(0)));
  }

  /** Learns the deviations of coefficients, gives them bits, and trains the branches. */
  async fit(latents: LatentSource, context: FitContext): Promise<FitReport> {
    const { passes } = this.settings;
    const sampled = await sampleLatents(latents, fittedElements / latentSize(this.shape), context.random);
    const scale = latents.variances ? deviationsOf(latents.variances) : null;
    const rates = this.ratesOf(scale);
    const tables = firstTables(context.random.fork("trellis"));
    const report = fitTables(this.coderOf(scale, rates, tables), sampled, passes, context);
    this.keep(this.fittedOf(scale, rates, tables));
    return report;
  }

  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const { coder } = this.fitted;
    const { tokens } = this.settings;
    const values = (await coefficients.data()) as Float32Array;
    const n = coefficients.shape[0];
    const elements = latentSize(this.shape);
    const ids = new Int32Array(n * tokens);
    for (let i = 0; i < n; i++)
      ids.set(coder.encode(values.subarray(i * elements, (i + 1) * elements)).ids, i * tokens);
    return tf.tensor2d(ids, [n, tokens], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    const { state, decode } = this.fitted;
    const { height, width, channels } = this.shape;
    const shape = [ids.shape[0], height, width, channels] as [number, number, number, number];
    if (shape[0] === 0) return tf.zeros(shape);
    return tf.tidy(() => tf.reshape(decodeIds(ids, state.tables, Math.log2(this.settings.codes), decode), shape));
  }

  /**
   * `tables`, `[11104]` float32: `[branch, element, column]` of each rate class, one after the other.
   * `rates`, `[ceil(elements / 4)]` int32: the class of each block of coefficients in the order of their
   * deviations, or -1. `scale`, `[rows, columns, c]` float32: the deviations, where they are unequal.
   */
  state(): NamedTensors {
    const { scale, ...others } = this.fitted.state;
    return scale ? { ...others, scale } : others;
  }

  restore(state: NamedTensors): void {
    const blocks = Math.ceil(latentSize(this.shape) / blockSize);
    const values = (name: string, shape: number[]) => requireTensor(state, name, shape).dataSync();
    const scale = state["scale"] ? Float32Array.from(values("scale", this.block)) : null;
    const rates = Int8Array.from(values("rates", [blocks]));
    this.keep(this.fittedOf(scale, rates, Float32Array.from(values("tables", [tableSize]))));
  }

  dispose(): void {
    tf.dispose(Object.values(this.state()));
  }

  private ratesOf(scale: Float32Array | null): Int8Array {
    const { tokens, codes } = this.settings;
    return ratesFor(this.deviationsOf(scale), tokens * Math.log2(codes));
  }

  private coderOf(scale: Float32Array | null, rates: Int8Array, tables: Float32Array): Coder {
    const { tokens, codes } = this.settings;
    return new Coder({ deviations: this.deviationsOf(scale), rates, tables, tokens, codes });
  }

  private fittedOf(scale: Float32Array | null, rates: Int8Array, tables: Float32Array): Fitted {
    const coder = this.coderOf(scale, rates, tables);
    return {
      coder,
      decode: decodePlan(coder.path, this.deviationsOf(scale)),
      state: {
        tables: tf.keep(tf.tensor1d(tables)),
        rates: tf.keep(tf.tensor1d(Int32Array.from(rates), "int32")),
        scale: scale && tf.keep(tf.tensor3d(scale, this.block)),
      },
    };
  }

  /** Of all coefficients, `[h, w, c]`. */
  private deviationsOf(scale: Float32Array | null): Float32Array {
    return scale ? tileDeviations(scale, this.shape, this.block) : new Float32Array(latentSize(this.shape)).fill(1);
  }

  private keep(fitted: Fitted): void {
    this.dispose();
    this.fitted = fitted;
  }
}
