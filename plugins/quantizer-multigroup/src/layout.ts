/** Which token uses which codebook. Plain arrays, computed once. */
import {
  RevqError,
  latentShapeToArray,
  latentSize,
  tokenDimension,
  type LatentShape,
  type TokenLayout,
  type TokenSplit,
  requireSplitFits,
} from "@revq/core";

/** `token`: a codebook for every token. `channel`: see `channelGroups`. A number G: token t uses codebook t % G. */
export type Grouping = "token" | "channel" | number;

/** `eigenvalue`: coefficients of a transform, given to tokens by eigenvalue allocation. */
export type MultigroupSplit = TokenSplit | "eigenvalue";

export interface MultigroupLayout {
  readonly shape: LatentShape;
  readonly split: MultigroupSplit;
  /** T */
  readonly tokens: number;
  /** d: elements of a token. */
  readonly dim: number;
  /** G */
  readonly groups: number;
  /** The group of every token, `[T]`. */
  readonly groupOf: Int32Array;
  /** The tokens of every group, ascending. */
  readonly tokensOf: readonly Int32Array[];
}

/** A layout with the index in `[h, w, c]` of every element of `[T, d]`. */
export interface OrderedLayout extends MultigroupLayout {
  readonly order: Int32Array;
}

/** Throws `tokens-do-not-divide`, `no-block-fits`, `tokens-straddle-channels`, `more-groups-than-tokens`. */
export function createLayout(
  shape: LatentShape,
  tokens: number,
  split: MultigroupSplit,
  grouping: Grouping,
): MultigroupLayout {
  const dim = tokenDimension(shape, tokens);
  requireSplitFits(shape, dim, split);
  const groupOf = assignGroups(shape, tokens, split, grouping);
  const groups = groupOf.reduce((max, group) => Math.max(max, group + 1), 0);
  const lists: number[][] = Array.from({ length: groups }, () => []);
  groupOf.forEach((group, token) => lists[group]!.push(token));
  return { shape, split, tokens, dim, groups, groupOf, tokensOf: lists.map((list) => Int32Array.from(list)) };
}

/** The layout as the contract describes it. @param sizes codes of every group, `[G]` */
export function tokenLayout({ tokens, groupOf, split }: MultigroupLayout, sizes: readonly number[]): TokenLayout {
  return { count: tokens, codebookSizes: sizes, groupOf, cut: { split, stages: 1 } };
}

/** The group of every token, `[T]`: 0 .. G-1, every group at least once. */
export function assignGroups(
  shape: LatentShape,
  tokens: number,
  split: MultigroupSplit,
  grouping: Grouping,
): Int32Array {
  if (grouping === "token") return Int32Array.from({ length: tokens }, (_, token) => token);
  if (typeof grouping === "number") {
    if (grouping > tokens) {
      throw new RevqError(
        "more-groups-than-tokens",
        `${grouping} groups were asked for, but there are ${tokens} tokens.`,
        {
          fix: `Use at most ${tokens} groups, or "token" for one codebook per token.`,
          setting: { path: "quantizer.groups" },
        },
      );
    }
    return Int32Array.from({ length: tokens }, (_, token) => token % grouping);
  }
  if (split === "eigenvalue") {
    throw new RevqError(
      "tokens-straddle-channels",
      "Tokens of the split eigenvalue hold coefficients of many channels.",
      {
        fix: "Use token, auto or a number of groups.",
        setting: { path: "quantizer.groups" },
      },
    );
  }
  const shared = channelGroups(shape, tokens, split);
  if (!shared) {
    throw new RevqError(
      "tokens-straddle-channels",
      `Tokens of ${latentSize(shape) / tokens} elements do not line up with the channels of the latent ` +
        `[${latentShapeToArray(shape)}] (split ${split}), so they cannot share codebooks by channel.`,
      { fix: "Use token, or another number of tokens.", setting: { path: "quantizer.groups", value: "token" } },
    );
  }
  return shared;
}

/**
 * Tokens that hold the same channels share a codebook, wherever they lie: with the splits `channel` and `block` that is one
 * group a channel, with `spatial` one group for each run of d channels, with `patch` one group. Undefined when tokens straddle channels.
 */
export function channelGroups(shape: LatentShape, tokens: number, split: TokenSplit): Int32Array | undefined {
  const dim = latentSize(shape) / tokens;
  const positions = shape.height * shape.width;
  if (split === "patch") return dim % shape.channels === 0 ? new Int32Array(tokens) : undefined;
  if (split === "spatial") {
    if (shape.channels % dim === 0) return Int32Array.from({ length: tokens }, (_, t) => t % (shape.channels / dim));
    return dim % shape.channels === 0 ? new Int32Array(tokens) : undefined;
  }
  if (positions % dim === 0) return Int32Array.from({ length: tokens }, (_, t) => Math.floor((t * dim) / positions));
  return dim % positions === 0 ? Int32Array.from({ length: tokens }, (_, t) => t) : undefined;
}
