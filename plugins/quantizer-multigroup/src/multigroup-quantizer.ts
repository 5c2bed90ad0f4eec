/**
 * Channel multi-group vector quantization (arXiv 2507.10547): every token is replaced by the nearest code of its group's
 * codebook. The codebooks are one variable `[G, K, d]`; searching and k-means run on the host (`@revq/nearest`).
 */
import {
  joinTokens,
  latentSize,
  requireTensor,
  type FitContext,
  type FitReport,
  type LatentSource,
  type NamedTensors,
  type Random,
  type TokenSpec,
  type TrainableQuantizer,
} from "@revq/core";
import { nearestCodes } from "@revq/nearest";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { fitCodebooks, type FitSettings } from "./fit-codebooks.js";
import { drawCodebooks } from "./initial-codebooks.js";
import type { MultigroupLayout } from "./layout.js";
import { resetUnusedCodes } from "./reset-unused-codes.js";

export class MultigroupQuantizer implements TrainableQuantizer {
  readonly tokens: TokenSpec;
  readonly variables: readonly Variable[];
  private readonly codebooks: Variable;
  /** Where each token's codebook starts among all codes, `[1, T]`. */
  private readonly firstCode: Tensor2D;
  private readonly shape: [groups: number, codes: number, dim: number];
  /** The codebooks on the host, and the tensor data that they are a copy of. */
  private downloaded: { readonly dataId: object; readonly values: Float32Array } | undefined;

  /** The codebooks start as zeros: call `fit`, `initialize` or `restore`. */
  constructor(
    readonly layout: MultigroupLayout,
    private readonly settings: FitSettings,
  ) {
    const { codes } = settings;
    const { groups, groupOf, tokens, dim } = layout;
    this.tokens = { tokens, codes: new Array<number>(groups).fill(codes), groupOf };
    this.shape = [groups, codes, dim];
    this.codebooks = tf.tidy(() => tf.variable(tf.zeros(this.shape)));
    this.variables = [this.codebooks];
    this.firstCode = tf.keep(
      tf.tensor2d(
        groupOf.map((group) => group * codes),
        [1, tokens],
        "int32",
      ),
    );
  }

  async fit(latents: LatentSource, context: FitContext): Promise<FitReport> {
    const { codebooks, report } = await fitCodebooks(latents, this.layout, this.settings, context);
    this.assign(codebooks);
    return report;
  }

  async initialize(latents: LatentSource, random: Random): Promise<void> {
    this.assign(await drawCodebooks(latents, this.layout, this.settings.codes, random));
  }

  async endOfEpoch(counts: Int32Array, random: Random): Promise<number> {
    const { codebooks, replaced } = resetUnusedCodes(await this.download(), counts, this.layout, () => random.normal());
    if (replaced.length > 0) this.assign(codebooks);
    return replaced.length;
  }

  /** Exact; of equally near codes the lowest. A latent's codes do not depend on the others in the batch. */
  async quantize(latents: Tensor4D): Promise<Tensor2D> {
    const { tokens, dim, groups, order, groupOf } = this.layout;
    const size = latentSize(this.layout.shape);
    const samples = latents.shape[0];
    const [values, codebooks] = [await latents.data(), await this.download()];
    const cut = new Float32Array(values.length);
    for (let sample = 0, to = 0; sample < samples; sample++) {
      for (let i = 0; i < size; i++) cut[to++] = values[sample * size + order[i]!]!;
    }
    const { indices } = await nearestCodes(cut, codebooks, {
      samples,
      groups,
      codes: this.settings.codes,
      dim,
      tokens,
      groupOf,
    });
    return tf.tensor2d(indices, [samples, tokens], "int32");
  }

  dequantize(codes: Tensor2D): Tensor4D {
    const { shape, split, tokens, dim } = this.layout;
    const samples = codes.shape[0];
    if (samples === 0) return tf.zeros([0, shape.height, shape.width, shape.channels]);
    return tf.tidy(() => {
      const rows = tf.reshape(tf.add(codes, this.firstCode), [samples * tokens]);
      const flat = tf.reshape(this.codebooks, [-1, dim]);
      const chosen = tf.reshape(tf.gather(flat, tf.cast(rows, "int32")), [samples, tokens, dim]);
      return joinTokens(chosen as Tensor3D, shape, split);
    });
  }

  /** `codebooks`, `[G, K, d]` float32: the authors' `quantizer.embeddings`. */
  state(): NamedTensors {
    return { codebooks: this.codebooks };
  }

  restore(state: NamedTensors): void {
    const codebooks = requireTensor(state, "codebooks", this.shape);
    tf.tidy(() => this.codebooks.assign(tf.clone(codebooks)));
  }

  dispose(): void {
    if (this.codebooks.isDisposed) return;
    this.codebooks.dispose();
    this.firstCode.dispose();
    this.downloaded = undefined;
  }

  private assign(codebooks: Float32Array): void {
    tf.tidy(() => this.codebooks.assign(tf.tensor(codebooks, this.shape)));
  }

  /** Not to be changed. Every change of the variable gives it new data, so a copy is good as long as the data is the same. */
  private async download(): Promise<Float32Array> {
    const { dataId } = this.codebooks;
    if (this.downloaded?.dataId !== dataId) {
      this.downloaded = { dataId, values: (await this.codebooks.data()) as Float32Array };
    }
    return this.downloaded.values;
  }
}
