/**
 * The codebooks: one variable on the engine and a copy in host memory that the threads of the search share. Either side
 * may be ahead: the variable after `restore`, the host while a trainer changes codes in place.
 */
import { tokenOrder, type HostCodebooks, type TokenSplit } from "@revq/core";
import { requireFinite, sharedFloat32, sumByCode } from "@revq/nearest";
import { gatherElements } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import type { CodebookSizes } from "./codebook-sizes.js";
import type { MultigroupLayout } from "./layout.js";

export class Codebooks {
  /** `[G, K, d]` where all groups have K codes, else `[codes of all groups, d]`. Starts as zeros. */
  readonly variable: Variable;
  private host: Float32Array | null = null;
  /** The tensor data that `host` is equal to: every change of the variable gives it new data. */
  private dataId: object | null = null;
  private hostIsAhead = false;

  constructor({ groups, dim }: MultigroupLayout, { equal, total }: CodebookSizes) {
    const shape = equal !== null ? [groups, equal, dim] : [total, dim];
    this.variable = tf.tidy(() => tf.variable(tf.zeros(shape)));
  }

  /** float32 `[codes of all groups, d]`, not to be changed. Throws `codebook-not-finite`. */
  async download(): Promise<Float32Array> {
    const { dataId } = this.variable;
    if (!this.host || (!this.hostIsAhead && this.dataId !== dataId)) {
      this.copyToHost((await this.variable.data()) as Float32Array);
      this.dataId = dataId;
    }
    return this.host!;
  }

  /** The variable, brought up to the host. Borrowed. */
  onEngine(): Tensor {
    if (this.hostIsAhead) {
      // A copy: an engine may read it later, and the host's goes on changing.
      tf.tidy(() => this.variable.assign(tf.tensor(new Float32Array(this.host!), this.variable.shape)));
      this.dataId = this.variable.dataId;
      this.hostIsAhead = false;
    }
    return this.variable;
  }

  /** New codebooks, on both sides. Throws `codebook-not-finite`. */
  assign(codebooks: Float32Array): void {
    this.copyToHost(codebooks);
    this.hostIsAhead = true;
    this.onEngine();
  }

  /** Takes the values of a tensor of the variable's shape. */
  restore(values: Tensor): void {
    tf.tidy(() => this.variable.assign(tf.clone(values)));
    this.hostIsAhead = false;
    this.dataId = null;
  }

  /** Access for a trainer, for codebooks of K codes each and tokens that are cut by position. */
  forTrainer({ shape, split, tokens, dim, groups, groupOf }: MultigroupLayout, codes: number): HostCodebooks {
    const order = tokenOrder(shape, tokens, split as TokenSplit);
    const values = (): Float32Array => {
      if (this.host && (this.hostIsAhead || this.dataId === this.variable.dataId)) return this.host;
      throw new Error("the trainer works on the codes of a search: call quantize first");
    };
    return {
      values,
      changed: () => {
        this.hostIsAhead = true;
      },
      lookUp(ids) {
        const codebooks = values();
        const size = order.length;
        const latents = new Float32Array((ids.length / tokens) * size);
        for (let token = 0; token < ids.length; token++) {
          const t = token % tokens;
          const from = (groupOf[t]! * codes + ids[token]!) * dim;
          const latent = Math.floor(token / tokens) * size;
          for (let i = 0; i < dim; i++) latents[latent + order[t * dim + i]!] = codebooks[from + i]!;
        }
        return latents;
      },
      gradientByCode(ids, gradient) {
        const samples = ids.length / tokens;
        const cut = gatherElements(gradient, order, samples);
        return sumByCode(cut, ids, { samples, groups, codes, dim, tokens, groupOf });
      },
    };
  }

  dispose(): void {
    if (!this.variable.isDisposed) this.variable.dispose();
  }

  private copyToHost(values: Float32Array): void {
    requireFinite("codebooks", "codebook-not-finite", values);
    this.host ??= sharedFloat32(values.length);
    this.host.set(values);
  }
}
