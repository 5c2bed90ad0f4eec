/**
 * Codebook sizes by greedy allocation of a fixed number of bits: every step goes to the group whose error it lowers most (Shoham and
 * Gersho, "Efficient bit allocation for an arbitrary set of quantizers", IEEE Trans. ASSP 36, 1988; Gersho and Gray, "Vector
 * Quantization and Signal Compression", 1992, section 8.4). The error of a token at b bits is that of a Gaussian with its
 * covariance, by reverse water-filling: it falls by 2 ln 2 times the water level a bit.
 */
import { latentSize, type LatentSource, type QuantizerRequest } from "@revq/core";
import { reverseWaterfill, symmetricEigen } from "@revq/numerics";
import { requireLatents } from "./gather-tokens.js";
import type { OrderedLayout } from "./layout.js";

export interface GroupToAllocate {
  /** Eigenvalues of the covariance of the group's tokens, `[d]`. */
  readonly variances: ArrayLike<number>;
  /** Tokens of an image that use its codebook. */
  readonly tokens: number;
  /** Largest number of codes. */
  readonly max: number;
}

/** A codebook grows by a quarter of a bit a token. */
const stepsPerBit = 4;

/**
 * @param bits of an image, for all tokens of all groups
 * @returns codes of every group, 1 or more; together at most `bits`, and less than a step of any group below
 */
export function allocateCodes(groups: readonly GroupToAllocate[], bits: number): number[] {
  const codes = groups.map(() => 1);
  const gains = groups.map((group) => waterLevel(group, 1));
  let left = bits;
  for (;;) {
    let best = -1;
    groups.forEach((group, g) => {
      const next = nextSize(codes[g]!);
      const fits = next <= group.max && cost(group, codes[g]!, next) <= left + 1e-9;
      if (fits && (best < 0 || gains[g]! > gains[best]!)) best = g;
    });
    if (best < 0) return codes;
    const next = nextSize(codes[best]!);
    left -= cost(groups[best]!, codes[best]!, next);
    codes[best] = next;
    gains[best] = waterLevel(groups[best]!, next);
  }
}

/** The gain of the next bit for a token whose group has so many codes. */
function waterLevel({ variances }: GroupToAllocate, codes: number): number {
  return reverseWaterfill(Float64Array.from(variances), Math.log2(codes)).waterLevel;
}

function cost({ tokens }: GroupToAllocate, from: number, to: number): number {
  return tokens * Math.log2(to / from);
}

/** Powers of two are met exactly. */
function nextSize(codes: number): number {
  return Math.max(codes + 1, Math.floor(2 ** ((Math.round(stepsPerBit * Math.log2(codes)) + 1) / stepsPerBit) + 1e-9));
}

type Context = Pick<QuantizerRequest, "random" | "report" | "signal">;

/**
 * No group grows beyond so many samples per code, unless K codes do. Groups that vary most gain from codes with few
 * samples: strips of dct-klt coefficients at 2304 bits gave .253 with 30 samples, .236 with one. Fewer make k-means slow.
 */
const minSamplesPerCode = 4;
/** Latents that are read: d * d averages need no more. */
const maxLatents = 4096;
/** Tokens of more elements are taken to be uncorrelated: eigenvalues cost the third power. */
const maxMixed = 256;

/**
 * Codebook sizes for the latents at hand.
 *
 * @param latents coefficients of the training latents
 * @param codes K: the bits of an image are those of T tokens of K codes
 * @returns codes of every group, `[G]`
 */
export async function greedySizes(
  latents: LatentSource,
  layout: OrderedLayout,
  codes: number,
  context: Context,
): Promise<number[]> {
  requireLatents(latents);
  const variances = await tokenVariances(latents, layout, context);
  return allocateCodes(
    layout.tokensOf.map(({ length }, group) => ({
      variances: variances[group]!,
      tokens: length,
      max: Math.max(codes, Math.floor((latents.count * length) / minSamplesPerCode)),
    })),
    layout.tokens * Math.log2(codes),
  );
}

/** Eigenvalues of the second moments of every group's tokens, `[G][d]`; the mean of the latents is zero. */
async function tokenVariances(
  source: LatentSource,
  { dim, groups, groupOf, order, tokens, tokensOf, shape }: OrderedLayout,
  { random, report, signal }: Context,
): Promise<Float64Array[]> {
  const rows =
    source.count <= maxLatents
      ? Int32Array.from({ length: source.count }, (_, row) => row)
      : random.fork("latents of the allocation").sample(source.count, maxLatents).sort();
  const mixed = dim <= maxMixed;
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
