/** The number of codes of every group, and their offsets in one array `[codes of all groups, d]`. */
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
  /** For each of `tokens` the index of its group in `groups`. */
  readonly groupOf: Int32Array;
}

export function codebookSizes({ groupOf }: Pick<MultigroupLayout, "groupOf">, sizes: readonly number[]): CodebookSizes {
  const distinct = [...new Set(sizes)];
  const classes = distinct.map((codes): SizeClass => {
    const groups = [...sizes.keys()].filter((group) => sizes[group] === codes);
    const indices = new Map(groups.map((group, index) => [group, index]));
    const members = Int32Array.from(groupOf.keys()).filter((token) => indices.has(groupOf[token]!));
    return { codes, groups, tokens: members, groupOf: members.map((token) => indices.get(groupOf[token]!)!) };
  });
  return {
    sizes,
    starts: codebookOffsets({ codebookSizes: sizes }),
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
