/** Which number of a latent belongs to which token, and which token to which codebook. Plain arrays, computed once. */
import {
  RevqError,
  latentShapeToArray,
  latentSize,
  tokenDimension,
  tokenOrder,
  type LatentShape,
  type TokenSplit,
} from "@revq/core";

/** `token`: a codebook for every token. `channel`: see `channelGroups`. A number G: token t uses codebook t % G. */
export type Grouping = "token" | "channel" | number;

export interface MultigroupLayout {
  readonly shape: LatentShape;
  readonly split: TokenSplit;
  /** T */
  readonly tokens: number;
  /** d: numbers in a token. */
  readonly dim: number;
  /** G */
  readonly groups: number;
  /** Where every element of `[T, d]` lies in `[h, w, c]`. */
  readonly order: Int32Array;
  /** The group of every token, `[T]`. */
  readonly groupOf: Int32Array;
  /** The tokens of every group, ascending. */
  readonly tokensOf: readonly Int32Array[];
}

/** Throws `tokens-do-not-divide`, `no-block-fits`, `tokens-straddle-channels`, `more-groups-than-tokens`. */
export function createLayout(
  shape: LatentShape,
  tokens: number,
  split: TokenSplit,
  grouping: Grouping,
): MultigroupLayout {
  const dim = tokenDimension(shape, tokens);
  const order = tokenOrder(shape, tokens, split);
  const groupOf = assignGroups(shape, tokens, split, grouping);
  const groups = groupOf.reduce((most, group) => Math.max(most, group + 1), 0);
  const lists: number[][] = Array.from({ length: groups }, () => []);
  groupOf.forEach((group, token) => lists[group]!.push(token));
  const tokensOf = lists.map((list) => Int32Array.from(list));
  return { shape, split, tokens, dim, groups, order, groupOf, tokensOf };
}

/** The group of every token, `[T]`: 0 .. G-1, every group at least once. */
export function assignGroups(shape: LatentShape, tokens: number, split: TokenSplit, grouping: Grouping): Int32Array {
  if (grouping === "token") return Int32Array.from({ length: tokens }, (_, token) => token);
  if (typeof grouping === "number") {
    if (grouping > tokens) {
      throw new RevqError(
        "more-groups-than-tokens",
        `${grouping} groups were asked for, but there are ${tokens} tokens.`,
        {
          fix: `Use at most ${tokens} groups, or groups=token for one codebook per token.`,
        },
      );
    }
    return Int32Array.from({ length: tokens }, (_, token) => token % grouping);
  }
  const shared = channelGroups(shape, tokens, split);
  if (!shared) {
    throw new RevqError(
      "tokens-straddle-channels",
      `Tokens of ${latentSize(shape) / tokens} numbers do not line up with the channels of the latent ` +
        `[${latentShapeToArray(shape)}] (split ${split}), so they cannot share codebooks by channel.`,
      { fix: "Use groups=token, or another number of tokens." },
    );
  }
  return shared;
}

/**
 * Tokens that hold the same channels share a codebook, wherever they lie: with the splits `channel` and `block` that is one
 * group a channel, with `spatial` one group for each run of d channels. Undefined when tokens straddle channels.
 */
export function channelGroups(shape: LatentShape, tokens: number, split: TokenSplit): Int32Array | undefined {
  const dim = latentSize(shape) / tokens;
  const cells = shape.height * shape.width;
  if (split === "spatial") {
    if (shape.channels % dim === 0) return Int32Array.from({ length: tokens }, (_, t) => t % (shape.channels / dim));
    return dim % shape.channels === 0 ? new Int32Array(tokens) : undefined;
  }
  if (cells % dim === 0) return Int32Array.from({ length: tokens }, (_, t) => Math.floor((t * dim) / cells));
  return dim % cells === 0 ? Int32Array.from({ length: tokens }, (_, t) => t) : undefined;
}
