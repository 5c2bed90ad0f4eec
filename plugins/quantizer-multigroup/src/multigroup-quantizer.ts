/**
 * Channel multi-group vector quantization (arXiv 2507.10547): every token is replaced by the nearest code of its group's
 * codebook. The codebooks are one variable `[G, K, d]`; searching and k-means run on the host (`@revq/nearest`).
 */
import {
  joinTokens,
  latentSize,
  quietContext,
  requireTensor,
  type FitContext,
  type FitReport,
  type LatentSource,
  type NamedTensors,
  type Random,
  type TokenSpec,
  type TokenSplit,
  type TrainableQuantizer,
} from "@revq/core";
import { nearestCodes } from "@revq/nearest";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { fitCodebooks, type FitSettings } from "./fit-codebooks.js";
import { hostCopy, type HostCopy } from "./host-copy.js";
import { drawCodebooks, requireLatents } from "./initial-codebooks.js";
import type { MultigroupLayout } from "./layout.js";
import { resetUnusedCodes } from "./reset-unused-codes.js";
import { transformedSource } from "./transform/forward.js";
import { LearnedTransform } from "./transform/learned-transform.js";

export class MultigroupQuantizer implements TrainableQuantizer {
  readonly tokens: TokenSpec;
  readonly variables: readonly Variable[];
  private readonly codebooks: Variable;
  /** Where each token's codebook starts among all codes, `[1, T]`. */
  private readonly firstCode: Tensor2D;
  private readonly shape: [groups: number, codes: number, dim: number];
  private readonly download: HostCopy;
  /** Null when tokens are cut out of the latent itself. */
  private readonly transform: LearnedTransform | null;

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
    this.download = hostCopy(this.codebooks);
    this.transform = layout.transform && new LearnedTransform(layout, layout.transform);
    this.firstCode = tf.keep(
      tf.tensor2d(
        groupOf.map((group) => group * codes),
        [1, tokens],
        "int32",
      ),
    );
  }

  async fit(latents: LatentSource, context: FitContext): Promise<FitReport> {
    requireLatents(latents);
    const { source, layout } = await this.learnTransform(latents, context);
    const { codebooks, report } = await fitCodebooks(source, layout, this.settings, context);
    this.assign(codebooks);
    return report;
  }

  async initialize(latents: LatentSource, random: Random): Promise<void> {
    requireLatents(latents);
    const { source, layout } = await this.learnTransform(latents, quietContext(random));
    this.assign(await drawCodebooks(source, layout, this.settings.codes, random));
  }

  async endOfEpoch(counts: Int32Array, random: Random): Promise<number> {
    const { codebooks, replaced } = resetUnusedCodes((await this.download()) as Float32Array, counts, this.layout, () =>
      random.normal(),
    );
    if (replaced.length > 0) this.assign(codebooks);
    return replaced.length;
  }

  /** Exact; of equally near codes the lowest. A latent's codes do not depend on the others in the batch. */
  async quantize(latents: Tensor4D): Promise<Tensor2D> {
    const { tokens, dim, groups, groupOf } = this.layout;
    const size = latentSize(this.layout.shape);
    const samples = latents.shape[0];
    const [given, codebooks] = [await latents.data(), (await this.download()) as Float32Array];
    const onHost = await this.transform?.onHost();
    const { order } = onHost?.layout ?? this.layout;
    const values = onHost ? Float32Array.from(given) : given;
    onHost?.forward(values as Float32Array);
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
      const chosen = tf.reshape(tf.gather(flat, tf.cast(rows, "int32")), [samples, tokens, dim]) as Tensor3D;
      return this.transform ? this.transform.invert(chosen) : joinTokens(chosen, shape, split as TokenSplit);
    });
  }

  /** `codebooks`, `[G, K, d]` float32: the authors' `quantizer.embeddings`. With a transform also `rotation` and `places`. */
  state(): NamedTensors {
    return { codebooks: this.codebooks, ...this.transform?.state() };
  }

  restore(state: NamedTensors): void {
    const codebooks = requireTensor(state, "codebooks", this.shape);
    this.transform?.restore(state);
    tf.tidy(() => this.codebooks.assign(tf.clone(codebooks)));
  }

  dispose(): void {
    if (this.codebooks.isDisposed) return;
    this.codebooks.dispose();
    this.firstCode.dispose();
    this.transform?.dispose();
  }

  /** What codebooks are made of: latents, or coefficients of a transform that is learned here. */
  private async learnTransform(
    latents: LatentSource,
    context: Pick<FitContext, "random" | "report" | "signal">,
  ): Promise<{ source: LatentSource; layout: MultigroupLayout }> {
    if (!this.transform) return { source: latents, layout: this.layout };
    await this.transform.fit(latents, context);
    const { layout, forward } = await this.transform.onHost();
    return { source: transformedSource(latents, forward), layout };
  }

  private assign(codebooks: Float32Array): void {
    tf.tidy(() => this.codebooks.assign(tf.tensor(codebooks, this.shape)));
  }
}
