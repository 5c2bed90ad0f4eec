/**
 * Channel multi-group vector quantization (arXiv 2507.10547): every token is replaced by the nearest code of its group's
 * codebook. The codebooks are one variable, `[G, K, d]` where all groups have K codes, else `[codes of all groups, d]`; k-means runs on
 * the host, searching there or on the GPU (`@revq/nearest`).
 */
import { cutTokens, joinTokens } from "@revq/plugin-kit";
import { quietContext, requireTensor, type CodebookTrainer, type FitContext, type FitReport, type LatentSource, type NamedTensors, type Random, type TokenSpec, type TokenSplit, type TrainableQuantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { codebookSizes, type CodebookSizes } from "./codebook-sizes.js";
import { createCodebookTrainer } from "./codebook-trainer.js";
import { fitCodebooks, type FitSettings } from "./fit-codebooks.js";
import { HostCodebooks } from "./host-codebooks.js";
import { drawCodebooks, requireLatents } from "./initial-codebooks.js";
import type { MultigroupLayout } from "./layout.js";
import { nearestOnEngine } from "./nearest-on-engine.js";
import { resetUnusedCodes } from "./reset-unused-codes.js";
import { createSearchMemories, searchCodes, type SearchMemories } from "./search-codes.js";
import { gpuSearches, searchOnGpu } from "./search-on-gpu.js";
import { transformedSource } from "./transform/forward.js";
import { LearnedTransform } from "./transform/learned-transform.js";

export class MultigroupQuantizer implements TrainableQuantizer {
  readonly tokens: TokenSpec;
  readonly variables: readonly Variable[];
  private readonly codebooks: Variable;
  /** Where each token's codebook starts among all codes, `[1, T]`. */
  private readonly firstCode: Tensor2D;
  private readonly sizes: CodebookSizes;
  private readonly shape: readonly number[];
  private readonly host: HostCodebooks;
  /** What a search can tell the next; null while one is running. */
  private memory: SearchMemories | null;
  /** Null when tokens are cut out of the latent itself. */
  private readonly transform: LearnedTransform | null;

  /** The codebooks start as zeros: call `fit`, `initialize` or `restore`. @param codes of every group, `[G]` */
  constructor(
    readonly layout: MultigroupLayout,
    codes: readonly number[],
    private readonly settings: FitSettings,
  ) {
    const { groups, groupOf, tokens, dim } = layout;
    this.tokens = { tokens, codes, groupOf };
    this.sizes = codebookSizes(layout, codes);
    const { equal, total, starts } = this.sizes;
    this.shape = equal !== null ? [groups, equal, dim] : [total, dim];
    this.codebooks = tf.tidy(() => tf.variable(tf.zeros([...this.shape])));
    this.variables = [this.codebooks];
    this.host = new HostCodebooks(this.codebooks);
    this.memory = createSearchMemories(this.sizes);
    this.transform = layout.transform && new LearnedTransform(layout, layout.transform);
    this.firstCode = tf.keep(
      tf.tensor2d(
        groupOf.map((group) => starts[group]!),
        [1, tokens],
        "int32",
      ),
    );
  }

  async fit(latents: LatentSource, context: FitContext): Promise<FitReport> {
    requireLatents(latents);
    const { source, layout } = await this.learnTransform(latents, context);
    const { codebooks, report } = await fitCodebooks(source, layout, this.sizes, this.settings, context);
    this.host.assign(codebooks);
    return report;
  }

  async initialize(latents: LatentSource, random: Random): Promise<void> {
    requireLatents(latents);
    const { source, layout } = await this.learnTransform(latents, quietContext(random));
    this.host.assign(await drawCodebooks(source, layout, this.sizes, random));
  }

  async endOfEpoch(counts: Int32Array, random: Random): Promise<number> {
    const layout = { ...this.layout, sizes: this.sizes.sizes };
    const { codebooks, replaced } = resetUnusedCodes(await this.host.download(), counts, layout, () => random.normal());
    if (replaced.length > 0) this.host.assign(codebooks);
    return replaced.length;
  }

  /** Null with a transform, where gradients come in the latent's own numbers, and with codebooks of unequal sizes. */
  createTrainer(): CodebookTrainer | null {
    const { equal } = this.sizes;
    return this.transform || equal === null ? null : createCodebookTrainer(this.host, this.layout, equal);
  }

  /** Exact; of equally near codes the lowest. A latent's codes do not depend on the others in the batch. */
  async quantize(latents: Tensor4D): Promise<Tensor2D> {
    const samples = latents.shape[0];
    const codebooks = await this.host.download();
    if (gpuSearches(this.layout, this.sizes)) {
      this.host.upload();
      return searchOnGpu(latents, this.codebooks as unknown as Tensor3D, this.layout);
    }
    const given = await latents.data();
    const onHost = await this.transform?.onHost();
    const values = onHost ? Float32Array.from(given) : given;
    onHost?.forward(values as Float32Array);
    const { memory } = this;
    this.memory = null;
    try {
      const layout = onHost?.layout ?? this.layout;
      const codes = await searchCodes(values, codebooks, layout, this.sizes, samples, memory);
      return tf.tensor2d(codes, [samples, layout.tokens], "int32");
    } finally {
      this.memory ??= memory;
    }
  }

  /** All distances are there at once: n * T * K numbers, K the largest codebook's. */
  quantizeOnEngine(latents: Tensor4D): Tensor2D {
    const { shape, split, tokens, groupOf, dim } = this.layout;
    this.host.upload();
    return tf.tidy(() => {
      const cut = this.transform
        ? this.transform.forwardOnEngine(latents)
        : cutTokens(latents, shape, tokens, split as TokenSplit);
      return nearestOnEngine(cut, tf.reshape(this.codebooks, [-1, dim]), this.sizes, groupOf);
    });
  }

  dequantize(codes: Tensor2D): Tensor4D {
    const { shape, split, tokens, dim } = this.layout;
    const samples = codes.shape[0];
    this.host.upload();
    if (samples === 0) return tf.zeros([0, shape.height, shape.width, shape.channels]);
    return tf.tidy(() => {
      const rows = tf.reshape(tf.add(codes, this.firstCode), [samples * tokens]);
      const flat = tf.reshape(this.codebooks, [-1, dim]);
      const chosen = tf.reshape(tf.gather(flat, tf.cast(rows, "int32")), [samples, tokens, dim]) as Tensor3D;
      return this.transform ? this.transform.invert(chosen) : joinTokens(chosen, shape, split as TokenSplit);
    });
  }

  /** `codebooks`, float32: `[G, K, d]`, the authors' `quantizer.embeddings`, or `[codes of all groups, d]`. With a transform also `rotation` and `places`. */
  state(): NamedTensors {
    this.host.upload();
    return { codebooks: this.codebooks, ...this.transform?.state() };
  }

  restore(state: NamedTensors): void {
    const codebooks = requireTensor(state, "codebooks", this.shape);
    this.transform?.restore(state);
    tf.tidy(() => this.codebooks.assign(tf.clone(codebooks)));
    this.host.restored();
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
}
