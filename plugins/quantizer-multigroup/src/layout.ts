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
import { blockPlaces, requireTransform, type TransformGeometry, type TransformKind } from "./transform/geometry.js";

/** `token`: a codebook for every token. `channel`: see `channelGroups`. A number G: token t uses codebook t % G. */
export type Grouping = "token" | "channel" | number;

/** `balanced`: coefficients of a transform, dealt to tokens by their variances. */
export type MultigroupSplit = TokenSplit | "balanced";

export interface MultigroupLayout {
  readonly shape: LatentShape;
  readonly split: MultigroupSplit;
  /** What is cut into tokens: the latent itself (null), or its coefficients. */
  readonly transform: TransformGeometry | null;
  /** T */
  readonly tokens: number;
  /** d: numbers in a token. */
  readonly dim: number;
  /** G */
  readonly groups: number;
  /** Where every element of `[T, d]` lies in `[h, w, c]`. With split `balanced` it is learned: `withDealing`. */
  readonly order: Int32Array;
  /** The group of every token, `[T]`. */
  readonly groupOf: Int32Array;
  /** The tokens of every group, ascending. */
  readonly tokensOf: readonly Int32Array[];
}

/**
 * Throws `tokens-do-not-divide`, `no-block-fits`, `tokens-straddle-channels`, `more-groups-than-tokens`, `no-transform-fits`,
 * `balanced-needs-transform`.
 */
export function createLayout(
  shape: LatentShape,
  tokens: number,
  split: MultigroupSplit,
  grouping: Grouping,
  kind: TransformKind | "none" = "none",
): MultigroupLayout {
  const dim = tokenDimension(shape, tokens);
  const transform = kind === "none" ? null : requireTransform(kind, shape, tokens);
  if (split === "balanced" && !transform) {
    throw new RevqError(
      "balanced-needs-transform",
      "The split balanced deals out the coefficients of a transform, but transform is none.",
      { fix: "Set a transform such as dct-klt, or another split." },
    );
  }
  const order =
    split === "balanced"
      ? Int32Array.from({ length: latentSize(shape) }, (_, i) => i)
      : tokenOrder(shape, tokens, split);
  const groupOf = assignGroups(shape, tokens, split, grouping);
  const groups = groupOf.reduce((most, group) => Math.max(most, group + 1), 0);
  const lists: number[][] = Array.from({ length: groups }, () => []);
  groupOf.forEach((group, token) => lists[group]!.push(token));
  const tokensOf = lists.map((list) => Int32Array.from(list));
  return { shape, split, transform, tokens, dim, groups, order, groupOf, tokensOf };
}

/** The layout whose tokens hold these coefficients of a block: `dealt` is `[tokens of a block, d]`, as `dealCoefficients` gives it. */
export function withDealing(layout: MultigroupLayout, dealt: Int32Array): MultigroupLayout {
  const { transform } = layout;
  if (layout.split !== "balanced" || !transform) return layout;
  const places = blockPlaces(transform);
  const order = Int32Array.from(places, (_, i) => {
    const within = i % transform.size;
    return places[i - within + dealt[within]!]!;
  });
  return { ...layout, order };
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
          fix: `Use at most ${tokens} groups, or groups=token for one codebook per token.`,
        },
      );
    }
    return Int32Array.from({ length: tokens }, (_, token) => token % grouping);
  }
  if (split === "balanced") {
    throw new RevqError("tokens-straddle-channels", "Tokens of split balanced hold coefficients of many channels.", {
      fix: "Use groups=token, groups=auto or a number of groups.",
    });
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
