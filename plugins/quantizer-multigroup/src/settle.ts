/** Codebook sizes for the latents at hand: the covariance of every group's tokens, and the allocation that follows from it. */
import { latentSize, type FitContext, type LatentSource } from "@revq/core";
import { symmetricEigen } from "@revq/numerics";
import { allocateCodes } from "./allocate-codes.js";
import { requireLatents } from "./initial-codebooks.js";
import type { MultigroupLayout } from "./layout.js";
import { LearnedTransform } from "./transform/learned-transform.js";
import { transformedSource } from "./transform/forward.js";

/**
 * No group grows beyond what leaves so many samples per code, unless K codes do. What varies most gains by codes that few samples are of:
 * strips of dct-klt coefficients at 2304 bits gave .253 with 30 samples, .236 with one; beyond that k-means takes long.
 */
const leastSamplesPerCode = 4;
/** Latents that are looked at: d * d averages need no more. */
const mostLatents = 4096;
/** Tokens of more numbers are taken to be uncorrelated: eigenvalues cost the third power. */
const mostMixed = 256;

/**
 * @param codes K: the bits of an image are those of T tokens of K codes
 * @returns codes of every group, `[G]`
 */
export async function settleSizes(
  latents: LatentSource,
  layout: MultigroupLayout,
  codes: number,
  context: Pick<FitContext, "random" | "report" | "signal">,
): Promise<number[]> {
  requireLatents(latents);
  const transform = layout.transform && new LearnedTransform(layout, layout.transform);
  try {
    await transform?.fit(latents, context);
    const learned = await transform?.onHost();
    const source = learned ? transformedSource(latents, learned.forward) : latents;
    const variances = await tokenVariances(source, learned?.layout ?? layout, context);
    return allocateCodes(
      layout.tokensOf.map(({ length }, group) => ({
        variances: variances[group]!,
        tokens: length,
        most: Math.max(codes, Math.floor((latents.count * length) / leastSamplesPerCode)),
      })),
      layout.tokens * Math.log2(codes),
    );
  } finally {
    transform?.dispose();
  }
}

/** Eigenvalues of the second moments of every group's tokens, `[G][d]`; latents are standardized, their mean is zero. */
async function tokenVariances(
  source: LatentSource,
  { dim, groups, groupOf, order, tokens, tokensOf, shape }: MultigroupLayout,
  { random, report, signal }: Pick<FitContext, "random" | "report" | "signal">,
): Promise<Float64Array[]> {
  const rows =
    source.count <= mostLatents
      ? Int32Array.from({ length: source.count }, (_, row) => row)
      : random.fork("latents of the allocation").sample(source.count, mostLatents).sort();
  const mixed = dim <= mostMixed;
  const each = mixed ? dim * dim : dim;
  const moments = new Float64Array(groups * each);
  const size = latentSize(shape);
  const chunk = Math.max(1, Math.floor(2 ** 20 / size));
  for (let first = 0; first < rows.length; first += chunk) {
    signal.throwIfAborted();
    report({ phase: "measure tokens", done: first, total: rows.length });
    const part = rows.subarray(first, first + chunk);
    const values = await source.read(part);
    for (let row = 0; row < part.length; row++)
      for (let t = 0; t < tokens; t++) {
        const base = groupOf[t]! * each;
        for (let i = 0; i < dim; i++) {
          const value = values[row * size + order[t * dim + i]!]!;
          if (!mixed) moments[base + i]! += value * value;
          else
            for (let j = 0; j < dim; j++)
              moments[base + i * dim + j]! += value * values[row * size + order[t * dim + j]!]!;
        }
      }
  }
  report({ phase: "measure tokens", done: rows.length, total: rows.length });
  return tokensOf.map(({ length }, group) => {
    const own = moments.slice(group * each, (group + 1) * each).map((sum) => sum / (rows.length * length));
    return (mixed ? symmetricEigen(own, dim, { vectors: false }).values : own).map((value) => Math.max(0, value));
  });
}
