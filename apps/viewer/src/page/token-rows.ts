/** In which rows the token grid shows the tokens. */
import type { TokenizerDescription } from "../protocol/messages.js";

export interface TokenRow {
  readonly label: string;
  readonly tokens: readonly number[];
}

/** Longer rows are broken: cells would be too thin to hit. */
const longest = 64;

/**
 * A row a group if groups have several tokens. Otherwise a row a channel, if every token is inside
 * one channel. Otherwise nearly a square.
 */
export function tokenRows({ layout, footprints, latentShape }: TokenizerDescription): TokenRow[] {
  const { count: tokens, codebookSizes, groupOf } = layout;
  const all = [...Array(tokens).keys()];
  const byGroup = codebookSizes.length > 1 && codebookSizes.length < tokens;
  const positions = latentShape[1] * latentShape[2];
  const channelOf = (token: number): number | null => {
    const indices = footprints.indices.subarray(footprints.starts[token], footprints.starts[token + 1]);
    if (indices.length === 0) return null;
    const channel = Math.floor(indices[0]! / positions);
    return Math.floor(indices[indices.length - 1]! / positions) === channel ? channel : null;
  };
  if (byGroup) return rowsBy(all, (token) => groupOf[token]!, "group");
  const channels = all.map(channelOf);
  const distinct = new Set(channels);
  if (!distinct.has(null) && distinct.size > 1 && distinct.size < tokens) {
    return rowsBy(all, (token) => channels[token]!, "channel");
  }
  const columns =
    latentShape[2] > 1 && tokens % latentShape[2] === 0 && tokens / latentShape[2] <= 128
      ? latentShape[2]
      : Math.ceil(Math.sqrt(tokens));
  return split(all, Math.min(longest, columns)).map((row) => ({ label: `${row[0]}`, tokens: row }));
}

function rowsBy(all: readonly number[], keyOf: (token: number) => number, word: string): TokenRow[] {
  const lists = new Map<number, number[]>();
  for (const token of all) {
    const key = keyOf(token);
    const list = lists.get(key);
    if (list) list.push(token);
    else lists.set(key, [token]);
  }
  return [...lists]
    .sort(([a], [b]) => a - b)
    .flatMap(([key, list]) =>
      split(list, longest).map((tokens, part) => ({ label: part === 0 ? `${word} ${key}` : "", tokens })),
    );
}

function split(list: readonly number[], length: number): number[][] {
  const parts: number[][] = [];
  const lines = Math.ceil(list.length / length);
  const even = Math.ceil(list.length / lines);
  for (let first = 0; first < list.length; first += even) parts.push(list.slice(first, first + even));
  return parts;
}
