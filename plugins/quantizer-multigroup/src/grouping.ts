/** Resolves split and groups for a number of tokens and codes, and names the other layouts worth measuring. */
import {
  RevqError,
  blockShape,
  divisors,
  latentShapeToArray,
  latentSize,
  requireSplitFits,
  tokenDimension,
  type LatentShape,
  type QuantizerRequest,
  type TokenSplit,
  type TransformLayout,
} from "@revq/core";
import { assignGroups, channelGroups, type Grouping, type MultigroupSplit } from "./layout.js";
import type { MultigroupOptions } from "./options.js";

export type Request = Pick<QuantizerRequest, "latentShape" | "samples" | "bits" | "transform" | "keep">;

/** A choice of everything, and its figures. */
export interface Choice {
  readonly tokens: number;
  readonly codes: number;
  readonly split: MultigroupSplit;
  readonly grouping: Grouping;
  readonly groups: number;
  readonly samplesPerCode: number;
  readonly bits: number;
}

/** A centroid wants 30 to 50 samples. */
const wantedSamplesPerCode = 30;
/** Tokens made by variance share codebooks until there are so many samples. Below `min`, fewer codes are preferred. */
const sharedSamplesPerCode = { wanted: 500, min: 100 };
/** How many times as many codebooks the alternatives have. */
const moreCodebooks = [4, 16];

/** The best guess. */
export function describe(options: MultigroupOptions, request: Request, tokens: number, codes: number): Choice {
  const { split, groups } = options;
  const { latentShape: shape, samples } = request;
  const transform = transformFor(tokens, request);
  const resolved = allocatesEigenvalues(options, transform)
    ? "eigenvalue"
    : split === "auto"
      ? automaticSplit(shape, tokens)
      : split;
  requireSplitFits(shape, tokenDimension(shape, tokens), resolved);
  const automatic =
    resolved === "eigenvalue"
      ? codebooksBelow((samples * tokens) / (codes * sharedSamplesPerCode.wanted), tokens, transform)
      : samples / codes < wantedSamplesPerCode && channelGroups(shape, tokens, resolved) !== undefined
        ? "channel"
        : "token";
  return withGrouping({ tokens, codes, split: resolved }, groups === "auto" ? automatic : groups, request);
}

/**
 * Other layouts, where they are open: more codebooks after a decorrelating transform; else a codebook a channel instead of
 * one a token, and tokens that are parts of the channel vector.
 */
export function alternatives(guess: Choice, options: MultigroupOptions, request: Request): Choice[] {
  if (options.groups !== "auto" || options.sizes) return [];
  const { tokens, split, groups, grouping } = guess;
  if (split !== "eigenvalue") {
    const others = [
      ...(grouping === "token" ? [split] : []),
      ...(options.split === "auto" ? (["spatial"] as const) : []),
    ];
    return others
      .filter((other) => channelGroups(request.latentShape, tokens, other) !== undefined)
      .map((other) => withGrouping({ ...guess, split: other }, "channel", request))
      .filter((other) => other.split !== split || other.groups !== groups);
  }
  const more = moreCodebooks.map((factor) => codebooksBelow(factor * groups, tokens, transformFor(tokens, request)));
  return [...new Set(more)]
    .filter((other) => other > groups)
    .map((other) => withGrouping(guess, other, request))
    .filter(({ samplesPerCode }) => samplesPerCode >= wantedSamplesPerCode);
}

export function hasEnoughSamples({ split, samplesPerCode }: Choice): boolean {
  return samplesPerCode >= (split === "eigenvalue" ? sharedSamplesPerCode.min : wantedSamplesPerCode);
}

export function allocatesEigenvalues({ split }: MultigroupOptions, transform: TransformLayout): boolean {
  return split === "eigenvalue" || (split === "auto" && transform.decorrelated);
}

/** Throws `no-transform-fits`. */
export function transformFor(tokens: number, { transform, latentShape }: Request): TransformLayout {
  const found = transform(tokens);
  if (found) return found;
  throw new RevqError(
    "no-transform-fits",
    `No blocks of the latent [${latentShapeToArray(latentShape)}] share ${tokens} tokens evenly, so the transform is not possible.`,
    { fix: "Use another number of tokens, or the transform none.", setting: { path: "quantizer.tokens" } },
  );
}

export function blockFits({ height, width }: LatentShape, dim: number): boolean {
  return divisors(dim).some((rows) => height % rows === 0 && width % (dim / rows) === 0);
}

function withGrouping(
  { tokens, codes, split }: Pick<Choice, "tokens" | "codes" | "split">,
  grouping: Grouping,
  { latentShape, samples }: Request,
): Choice {
  const groups = new Set(assignGroups(latentShape, tokens, split, grouping)).size;
  const samplesPerCode = (samples * tokens) / (groups * codes);
  return { tokens, codes, split, grouping, groups, samplesPerCode, bits: tokens * Math.log2(codes) };
}

/** The most codebooks up to a number. It divides the tokens of a block: blocks share them. */
function codebooksBelow(max: number, tokens: number, { blocks }: TransformLayout): number {
  return divisors(tokens / blocks).findLast((groups) => groups <= max) ?? 1;
}

/** Patches, where there are any that are not strips. */
function automaticSplit(shape: LatentShape, tokens: number): TokenSplit {
  const dim = latentSize(shape) / tokens;
  return blockFits(shape, dim) && Math.min(...blockShape(shape, dim)) > 1 ? "block" : "channel";
}
