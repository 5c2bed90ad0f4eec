/**
 * AdamW over codebooks in host memory: one pass over parameters and moments, with a gradient for
 * only those codes that a batch hit. As tensors the same step would take a dozen passes over
 * gradients as large as the codebooks.
 */
import { RevqError, type HostCodebooks, type NamedArrays } from "@revq/core";
import { adamwStepRows } from "@revq/nearest";
import { normGuard } from "./clip.js";

export interface HostAdamWStep {
  readonly learningRate: number;
  /** The largest norm of the gradient of all codebooks together. */
  readonly clipNorm: number;
  /** Number of this step, from 1, for AdamW's bias corrections. */
  readonly step: number;
}

export class HostAdamW {
  /** PyTorch's names, as in the state of `createAdamW` for one variable. */
  private readonly moments: Readonly<Record<"0.exp_avg" | "0.exp_avg_sq", Float32Array>>;

  /** @param shape of the codebooks' variable; the last axis is d */
  constructor(
    private readonly codebooks: HostCodebooks,
    private readonly shape: readonly number[],
  ) {
    const size = shape.reduce((product, each) => product * each, 1);
    this.moments = { "0.exp_avg": new Float32Array(size), "0.exp_avg_sq": new Float32Array(size) };
  }

  /**
   * Clips the gradient by its norm and moves the codebooks, without weight decay.
   * @param gradient of the loss with respect to `lookUp(ids)`, finite
   */
  step(ids: Int32Array, gradient: Float32Array, { learningRate, clipNorm, step }: HostAdamWStep): void {
    const { rows, sums, norm } = this.codebooks.gradientByCode(ids, gradient);
    const [mean, square] = [this.moments["0.exp_avg"], this.moments["0.exp_avg_sq"]];
    adamwStepRows(this.codebooks.values(), rows, sums, this.shape.at(-1)!, mean, square, {
      lr: learningRate,
      gradScale: Math.min(1, clipNorm / (norm + normGuard)),
      step,
    });
    this.codebooks.changed();
  }

  /** `0.exp_avg` and `0.exp_avg_sq` of the codebooks' shape. Borrowed. */
  state(): NamedArrays {
    const { shape } = this;
    return Object.fromEntries(Object.entries(this.moments).map(([name, data]) => [name, { shape, data }]));
  }

  /**
   * Copies. Takes all of it or, when something is missing or misshapen, nothing. Throws
   * `optimizer-state`.
   */
  restore(state: NamedArrays): void {
    const given = Object.entries(this.moments).map(([name, target]) => {
      const data = state[name]?.data;
      if (data instanceof Float32Array && data.length === target.length) return { target, data };
      throw new RevqError(
        "optimizer-state",
        `The optimizer's state has ${data ? `${data.length} values` : "nothing"} under "${name}"; expected [${this.shape}].`,
        { fix: "Resume with the settings that the run was started with." },
      );
    });
    for (const { target, data } of given) target.set(data);
  }
}
