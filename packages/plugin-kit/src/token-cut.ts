/**
 * Cuts latents, or their coefficients, into tokens and joins tokens again: on the host, on the engine, and for the split
 * `eigenvalue` by a permutation that is learned from variances.
 */
import {
  RevqError,
  latentSize,
  requireTensor,
  tokenDimension,
  tokenOrder,
  type LatentShape,
  type NamedTensors,
  type TokenSplit,
  type TransformLayout,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { allocateEigenvalues } from "./eigenvalue-allocation.js";
import type { CutSplit } from "./descriptor.js";
import { blockElements, cutBlocks, joinBlocks } from "./blocks.js";
import { cutTokens, joinTokens } from "./token-tensors.js";

export class TokenCut {
  /** d: elements of a token. */
  readonly dim: number;
  /** For every coefficient of a block, its index among the elements of the block's tokens: `[size]`. */
  private readonly permutation: Variable | undefined;
  private cached: { readonly of: object; readonly order: Int32Array } | undefined;

  /**
   * @param groups tokens that vary alike share a group: token t has group t % groups. Only `eigenvalue` looks at it.
   * @throws RevqError `tokens-do-not-divide`, `no-block-fits`, `blocks-do-not-divide`
   */
  constructor(
    readonly shape: LatentShape,
    readonly tokens: number,
    readonly split: CutSplit,
    private readonly transform: TransformLayout,
    private readonly groups = 1,
  ) {
    this.dim = tokenDimension(shape, tokens);
    if (split !== "eigenvalue") {
      this.cached = { of: this, order: tokenOrder(shape, tokens, split) };
      return;
    }
    if (tokens % transform.blocks !== 0) {
      throw new RevqError(
        "blocks-do-not-divide",
        `${tokens} tokens cannot be shared out evenly among ${transform.blocks} blocks of the transform.`,
        { fix: `Use a multiple of ${transform.blocks} tokens.`, setting: { path: "quantizer.tokens" } },
      );
    }
    const size = latentSize(shape) / transform.blocks;
    this.permutation = tf.tidy(() => tf.variable(tf.range(0, size, 1, "int32"), false));
  }

  /** Learns which coefficient goes where. @param variances of the coefficients of a block; absent: all alike */
  fit(variances: Float64Array | undefined): void {
    if (!this.permutation) return;
    const { blocks } = this.transform;
    const size = latentSize(this.shape) / blocks;
    const indices = allocateEigenvalues(variances ?? new Float64Array(size).fill(1), this.tokens / blocks, this.groups);
    const permutation = this.permutation;
    tf.tidy(() => permutation.assign(tf.tensor1d(indices, "int32")));
  }

  /** Where every element of `[T, d]` lies in `[h, w, c]`. */
  async order(): Promise<Int32Array> {
    if (!this.permutation) return this.cached!.order;
    const { dataId } = this.permutation;
    if (this.cached?.of !== dataId) {
      const indices = (await this.permutation.data()) as Int32Array;
      this.cached = { of: dataId, order: this.orderOf(inverse(indices)) };
    }
    return this.cached.order;
  }

  /** latents `[n, h, w, c]` -> tokens `[n, T, d]`, by tensor operations; differentiable. */
  cut(latents: Tensor4D): Tensor3D {
    const { shape, tokens, dim, permutation, transform } = this;
    if (!permutation) return cutTokens(latents, shape, tokens, this.split as TokenSplit);
    return tf.tidy(() => {
      const blocks = cutBlocks(latents, shape, transform);
      const indices = tf.tensor1d(inverse(permutation.dataSync() as Int32Array), "int32");
      return tf.reshape(tf.gather(blocks, indices, 1), [latents.shape[0], tokens, dim]);
    });
  }

  /** tokens `[n, T, d]` -> latents `[n, h, w, c]`, by tensor operations; differentiable. n > 0. */
  join(tokens: Tensor3D): Tensor4D {
    const { shape, permutation, transform } = this;
    if (!permutation) return joinTokens(tokens, shape, this.split as TokenSplit);
    const size = latentSize(shape) / transform.blocks;
    return tf.tidy(() => {
      const rows = tf.reshape(tokens, [tokens.shape[0] * transform.blocks, size]);
      return joinBlocks(tf.gather(rows, permutation as never, 1) as Tensor2D, shape, transform);
    });
  }

  /** `permutation`, int32 `[size of a block]`, where it is learned. Borrowed. */
  state(): NamedTensors {
    return this.permutation ? { permutation: this.permutation } : {};
  }

  restore(state: NamedTensors): void {
    if (!this.permutation) return;
    const given = requireTensor(state, "permutation", this.permutation.shape);
    const permutation = this.permutation;
    tf.tidy(() => permutation.assign(tf.clone(tf.cast(given, "int32"))));
  }

  dispose(): void {
    if (this.permutation && !this.permutation.isDisposed) this.permutation.dispose();
  }

  private orderOf(allocated: Int32Array): Int32Array {
    const elements = blockElements(this.shape, this.transform);
    const size = allocated.length;
    return Int32Array.from(elements, (_, i) => elements[i - (i % size) + allocated[i % size]!]!);
  }
}

/** Elements of latents `[n, h, w, c]` flat in an order of some or all of them -> `[n, order.length]` flat. */
export function gatherElements(
  latents: ArrayLike<number>,
  order: Int32Array,
  samples: number,
  size = order.length,
): Float32Array {
  const width = order.length;
  const gathered = new Float32Array(samples * width);
  for (let sample = 0, to = 0; sample < samples; sample++) {
    for (let i = 0; i < width; i++) gathered[to++] = latents[sample * size + order[i]!]!;
  }
  return gathered;
}

function inverse(permutation: Int32Array): Int32Array {
  const found = new Int32Array(permutation.length);
  permutation.forEach((to, from) => (found[to] = from));
  return found;
}
