/**
 * Trains the codebooks on the host (recipe `paper`): AdamW over the array that the search reads, one pass, the gradient given for
 * the codes alone that were hit. As tensors the same step would take a dozen passes over gradients as large as the codebooks.
 */
import { latentSize, RevqError, type CodebookStep, type CodebookTrainer, type NamedArrays } from "@revq/core";
import { adamwStepRows, sumByCode } from "@revq/nearest";
import type { MultigroupLayout } from "./layout.js";

/** The codebooks of whoever owns them. */
export interface CodebookMemory {
  /** float32 `[G, K, d]`, live: read before every step. */
  values(): Float32Array;
  /** Called when they were changed in place. */
  changed(): void;
}

/** PyTorch's guard against division by zero in clipping by the norm. */
const normGuard = 1e-6;

export function createCodebookTrainer(
  memory: CodebookMemory,
  { shape, order, tokens, dim, groups, groupOf }: MultigroupLayout,
  codes: number,
): CodebookTrainer {
  const size = latentSize(shape);
  const stateShape = [groups, codes, dim];
  const moments = {
    "0.exp_avg": new Float32Array(groups * codes * dim),
    "0.exp_avg_sq": new Float32Array(groups * codes * dim),
  };

  return {
    lookUp(ids) {
      const codebooks = memory.values();
      const samples = ids.length / tokens;
      const latents = new Float32Array(samples * size);
      for (let token = 0; token < ids.length; token++) {
        const t = token % tokens;
        const from = (groupOf[t]! * codes + ids[token]!) * dim;
        const latent = Math.floor(token / tokens) * size;
        for (let i = 0; i < dim; i++) latents[latent + order[t * dim + i]!] = codebooks[from + i]!;
      }
      return latents;
    },
    step(ids, gradient, { learningRate, clipNorm, step }: CodebookStep) {
      const samples = ids.length / tokens;
      const cut = cutLatents(gradient, order, samples);
      const { rows, sums, norm } = sumByCode(cut, ids, { samples, groups, codes, dim, tokens, groupOf });
      adamwStepRows(memory.values(), rows, sums, dim, moments["0.exp_avg"], moments["0.exp_avg_sq"], {
        lr: learningRate,
        gradScale: Math.min(1, clipNorm / (norm + normGuard)),
        step,
      });
      memory.changed();
    },
    state(): NamedArrays {
      return Object.fromEntries(Object.entries(moments).map(([name, data]) => [name, { shape: stateShape, data }]));
    },
    restore(state) {
      const given = Object.entries(moments).map(([name, target]) => {
        const data = state[name]?.data;
        if (data instanceof Float32Array && data.length === target.length) return { target, data };
        throw new RevqError(
          "optimizer-state",
          `The optimizer's state has ${data ? `${data.length} numbers` : "nothing"} under "${name}"; [${stateShape}] is expected.`,
          { fix: "Resume with the settings that the run was started with." },
        );
      });
      for (const { target, data } of given) target.set(data);
    },
    dispose() {},
  };
}

/** latents `[n, size]` flat -> the numbers that `order` names, `[n, T, d]` flat: all of them, or those of some tokens. */
export function cutLatents(
  latents: ArrayLike<number>,
  order: Int32Array,
  samples: number,
  size = order.length,
): Float32Array {
  const width = order.length;
  const cut = new Float32Array(samples * width);
  for (let sample = 0, to = 0; sample < samples; sample++) {
    for (let i = 0; i < width; i++) cut[to++] = latents[sample * size + order[i]!]!;
  }
  return cut;
}
