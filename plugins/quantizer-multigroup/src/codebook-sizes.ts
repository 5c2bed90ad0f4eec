/** How many codes every group has and where they lie in one array `[codes of all groups, d]`. */
import { codebookOffsets } from "@revq/core";
import type { MultigroupLayout } from "./layout.js";

export interface CodebookSizes {
  /** Codes of every group, `[G]`. */
  readonly sizes: readonly number[];
  /** First code of every group, `[G]`. */
  readonly starts: Int32Array;
  /** Codes of all groups. */
  readonly total: number;
  /** K when all groups have K codes, else null. */
  readonly equal: number | null;
  /** Groups with the same number of codes: one search serves them. */
  readonly classes: readonly SizeClass[];
}

export interface SizeClass {
  readonly codes: number;
  /** Ascending. */
  readonly groups: readonly number[];
  /** The tokens of these groups, ascending. */
  readonly tokens: Int32Array;
  /** For each of `tokens` its group's place in `groups`. */
  readonly groupOf: Int32Array;
}

export function codebookSizes(
  { tokens, groupOf }: Pick<MultigroupLayout, "tokens" | "groupOf">,
  sizes: readonly number[],
): CodebookSizes {
  const distinct = [...new Set(sizes)];
  const classes = distinct.map((codes): SizeClass => {
    const groups = [...sizes.keys()].filter((group) => sizes[group] === codes);
    const places = new Map(groups.map((group, place) => [group, place]));
    const members = Int32Array.from(groupOf.keys()).filter((token) => places.has(groupOf[token]!));
    return { codes, groups, tokens: members, groupOf: members.map((token) => places.get(groupOf[token]!)!) };
  });
  return {
    sizes,
    starts: codebookOffsets({ tokens, codes: sizes, groupOf }),
    total: sizes.reduce((sum, codes) => sum + codes, 0),
    equal: distinct.length === 1 ? distinct[0]! : null,
    classes,
  };
}

/** Lists of groups with as many tokens and as many codes, ascending: their tokens and their codebooks fit into one array each. */
export function groupsAlike({ tokensOf }: MultigroupLayout, sizes: readonly number[]): number[][] {
  const lists = new Map<string, number[]>();
  tokensOf.forEach((tokens, group) => {
    const key = `${tokens.length} tokens, ${sizes[group]} codes`;
    const list = lists.get(key);
    if (list) list.push(group);
    else lists.set(key, [group]);
  });
  return [...lists.values()];
}
