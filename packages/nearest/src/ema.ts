/**
 * Codebooks as exponential moving averages of the latents they are given: van den Oord et al., arXiv 1711.00937, appendix A.1;
 * Laplace smoothing of the counts as in Sonnet's VectorQuantizerEMA.
 */
import { RevqError } from "@revq/core";
import { requireLength, resolveLayout, type NearestShape } from "./shape.js";

/** Plain data, owned by the caller, overwritten by every update. */
export interface EmaState {
  /** `[groups, codes, dim]`: what to search in. */
  readonly codebooks: Float32Array;
  /** Moving average of how often a code is hit in a batch, `[groups, codes]`. */
  readonly counts: Float32Array;
  /** Moving average of the sum of the latents it is hit by, `[groups, codes, dim]`. */
  readonly sums: Float32Array;
}

export interface EmaOptions {
  /** Weight of the past, in [0, 1); default 0.99. */
  readonly decay?: number;
  /** Laplace smoothing: added to every count, the total kept; default 1e-5. 0 leaves a code that was never hit where it is. */
  readonly smoothing?: number;
}

/** A state that starts at the given codebooks `[groups, codes, dim]`: each code counts as hit once by itself. Copies. */
export function createEmaState(codebooks: Float32Array, dim: number): EmaState {
  return {
    codebooks: codebooks.slice(),
    counts: new Float32Array(codebooks.length / dim).fill(1),
    sums: codebooks.slice(),
  };
}

/**
 * One update in place.
 *
 * @param latents float32 `[samples, tokens, dim]`
 * @param indices their codes, `[samples, tokens]`, as `nearestCodes` gives them
 * @throws RevqError `nearest-shape`, `nearest-length`, `ema-decay`
 */
export function emaUpdate(
  state: EmaState,
  latents: Float32Array,
  indices: Int32Array,
  shape: NearestShape,
  options: EmaOptions = {},
): void {
  const { decay = 0.99, smoothing = 1e-5 } = options;
  if (!(decay >= 0 && decay < 1)) throw new RevqError("ema-decay", `The decay is ${decay}; it must lie in [0, 1).`);
  const { samples, tokens, tokensOf, groups, codes, dim } = resolveLayout(shape);
  requireLength("latents", latents, [samples, tokens, dim]);
  requireLength("indices", indices, [samples, tokens]);
  requireLength("codebooks", state.codebooks, [groups, codes, dim]);

  const hits = new Float64Array(codes);
  const sums = new Float64Array(codes * dim);
  const gain = 1 - decay;
  for (let group = 0; group < groups; group++) {
    hits.fill(0);
    sums.fill(0);
    for (const token of tokensOf[group]!) {
      for (let sample = 0; sample < samples; sample++) {
        const query = sample * tokens + token;
        const code = indices[query]!;
        hits[code] = hits[code]! + 1;
        for (let i = 0; i < dim; i++) sums[code * dim + i] = sums[code * dim + i]! + latents[query * dim + i]!;
      }
    }
    const first = group * codes;
    for (let i = 0; i < codes; i++) state.counts[first + i] = decay * state.counts[first + i]! + gain * hits[i]!;
    for (let i = 0; i < codes * dim; i++) {
      state.sums[first * dim + i] = decay * state.sums[first * dim + i]! + gain * sums[i]!;
    }
    let total = 0;
    for (let code = first; code < first + codes; code++) total += state.counts[code]!;
    const scale = total / (total + codes * smoothing);
    for (let code = first; code < first + codes; code++) {
      const count = (state.counts[code]! + smoothing) * scale;
      if (!(count > 0)) continue;
      for (let i = 0; i < dim; i++) state.codebooks[code * dim + i] = state.sums[code * dim + i]! / count;
    }
  }
}
