/**
 * Channel multi-group vector quantization (arXiv 2507.10547): every token is replaced by the nearest code of its group's
 * codebook. k-means runs on the host and searches there or on the GPU (`@revq/nearest`).
 */
import {
  requireTensor,
  type FitContext,
  type FitReport,
  type LatentSource,
  type NamedTensors,
  type Quantizer,
  type QuantizerGradients,
  type QuantizerGraph,
  type Random,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";
import { TokenCut } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { codebookSizes, type CodebookSizes } from "./codebook-sizes.js";
import { Codebooks } from "./codebooks.js";
import { fitCodebooks, type FitSettings } from "./fit-codebooks.js";
import { requireLatents } from "./gather-tokens.js";
import { tokenLayout, type MultigroupLayout, type OrderedLayout } from "./layout.js";
import { drawCodebooks, resetUnusedCodes } from "./paper-training.js";
import { searchByTensors } from "./search-graph.js";
import { gpuSearches, searchOnGpu } from "./search-gpu.js";
import { createSearchMemories, searchCodes, type SearchMemories } from "./search-host.js";

export class MultigroupQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  readonly gradients: QuantizerGradients;
  /** All distances are in memory at once: n * T * K float32, K the largest codebook's. */
  readonly graph: QuantizerGraph = { quantize: (coefficients) => this.quantizeByTensors(coefficients) };
  private readonly cut: TokenCut;
  private readonly codebooks: Codebooks;
  private readonly sizes: CodebookSizes;
  /** Where each token's codebook starts among all codes, `[1, T]`. */
  private readonly firstCode: Tensor2D;
  /** What a search passes on to the next. */
  private readonly memory: SearchMemories;
  /** Searches run one after the other; this is the last one. */
  private searched: Promise<unknown> = Promise.resolve();

  /**
   * The codebooks start as zeros: call `fit`, `gradients.initialize` or `restore`.
   *
   * @param groups which tokens share a codebook
   * @param codes of every group, `[G]`
   */
  constructor(
    private readonly groups: MultigroupLayout,
    private readonly transform: TransformLayout,
    codes: readonly number[],
    private readonly settings: FitSettings,
  ) {
    const { shape, split, tokens, groupOf } = groups;
    this.layout = tokenLayout(groups, codes);
    this.sizes = codebookSizes(groups, codes);
    const { starts, equal } = this.sizes;
    this.cut = new TokenCut(shape, tokens, split, transform, groups.groups);
    this.codebooks = new Codebooks(groups, this.sizes);
    this.memory = createSearchMemories(this.sizes);
    const first = groupOf.map((group) => starts[group]!);
    this.firstCode = tf.keep(tf.tensor2d(first, [1, tokens], "int32"));
    this.gradients = {
      variables: [this.codebooks.variable],
      initialize: (latents, random) => this.initialize(latents, random),
      replaceUnusedCodes: (counts, random) => this.replaceUnusedCodes(counts, random),
      // A trainer on the host would round differently where a transform permutes or mixes elements.
      ...(equal !== null && !transform.decorrelated && split !== "eigenvalue"
        ? { hostCodebooks: this.codebooks.forTrainer(groups, equal) }
        : {}),
    };
  }

  async fit(latents: LatentSource, context: FitContext): Promise<FitReport> {
    requireLatents(latents);
    this.cut.fit(latents.variances);
    const layout = await this.ordered();
    const { codebooks, report } = await fitCodebooks(latents, layout, this.sizes, this.settings, context);
    this.codebooks.assign(codebooks);
    return report;
  }

  /** Exact; of equally near codes the lowest. The ids of a latent do not depend on the others in the batch. */
  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const samples = coefficients.shape[0];
    const codebooks = await this.codebooks.download();
    if (gpuSearches(this.transform, this.sizes)) {
      return searchOnGpu(coefficients, this.codebooks.onEngine() as Tensor3D, this.groups);
    }
    const values = await coefficients.data();
    const layout = await this.ordered();
    const search = this.searched.then(() => searchCodes(values, codebooks, layout, this.sizes, samples, this.memory));
    this.searched = search.catch(() => null);
    return tf.tensor2d(await search, [samples, this.layout.count], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    const { shape, tokens, dim } = this.groups;
    const samples = ids.shape[0];
    const codebooks = this.codebooks.onEngine();
    if (samples === 0) return tf.zeros([0, shape.height, shape.width, shape.channels]);
    return tf.tidy(() => {
      const rows = tf.reshape(tf.add(ids, this.firstCode), [samples * tokens]);
      const flat = tf.reshape(codebooks, [-1, dim]);
      const chosen = tf.reshape(tf.gather(flat, tf.cast(rows, "int32")), [samples, tokens, dim]) as Tensor3D;
      return this.cut.join(chosen);
    });
  }

  /**
   * `codebooks`, float32: `[G, K, d]` (the authors' `quantizer.embeddings`), or `[codes of all groups, d]` for codebooks
   * of unequal sizes. `permutation` with the split `eigenvalue`.
   */
  state(): NamedTensors {
    return { codebooks: this.codebooks.onEngine(), ...this.cut.state() };
  }

  restore(state: NamedTensors): void {
    const codebooks = requireTensor(state, "codebooks", this.codebooks.variable.shape);
    this.cut.restore(state);
    this.codebooks.restore(codebooks);
  }

  dispose(): void {
    this.codebooks.dispose();
    this.cut.dispose();
    if (!this.firstCode.isDisposed) this.firstCode.dispose();
  }

  private async initialize(latents: LatentSource, random: Random): Promise<void> {
    requireLatents(latents);
    this.cut.fit(latents.variances);
    this.codebooks.assign(await drawCodebooks(latents, await this.ordered(), this.sizes, random));
  }

  private async replaceUnusedCodes(counts: Int32Array, random: Random): Promise<number> {
    const layout = { ...this.groups, sizes: this.sizes.sizes };
    const before = await this.codebooks.download();
    const { codebooks, replaced } = resetUnusedCodes(before, counts, layout, () => random.normal());
    if (replaced.length > 0) this.codebooks.assign(codebooks);
    return replaced.length;
  }

  private async ordered(): Promise<OrderedLayout> {
    return { ...this.groups, order: await this.cut.order() };
  }

  private quantizeByTensors(coefficients: Tensor4D): Tensor2D {
    const { groupOf, dim } = this.groups;
    const codebooks = this.codebooks.onEngine();
    return tf.tidy(() => {
      const flat = tf.reshape(codebooks, [-1, dim]) as Tensor2D;
      return searchByTensors(this.cut.cut(coefficients), flat, this.sizes, groupOf);
    });
  }
}
