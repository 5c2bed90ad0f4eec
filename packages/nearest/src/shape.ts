/** Shapes of a search, the groups of tokens, and the checks that all engines share. */
import { RevqError } from "@revq/core";
import { allFinite } from "./wasm/finite.js";

/**
 * Latents are `[samples, tokens, dim]`, codebooks `[groups, codes, dim]`, both row-major float32.
 */
export interface NearestShape {
  /** n: images, or any number of rows. 0 is allowed. */
  readonly samples: number;
  /** G: codebooks. */
  readonly groups: number;
  /** K: codes in each codebook. */
  readonly codes: number;
  /** d: elements of a token. */
  readonly dim: number;
  /**
   * T: tokens in a sample; default `groups`. Without `groupOf`, token t searches codebook t %
   * groups.
   */
  readonly tokens?: number;
  /** The codebook of every token, `[tokens]`, values 0 .. groups-1. */
  readonly groupOf?: Int32Array;
}

/** A shape with every default filled in and tokens listed by group. */
export interface NearestLayout {
  readonly samples: number;
  readonly groups: number;
  readonly codes: number;
  readonly dim: number;
  readonly tokens: number;
  /**
   * The tokens of every group, ascending. A group's query q is token `q % length` of sample
   * `floor(q / length)`.
   */
  readonly tokensOf: readonly Int32Array[];
  /** True if queries and answers are ordered by group, as `toGrouped` orders them. */
  readonly grouped: boolean;
}

function requireCount(name: string, value: number, minimum: number): void {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new RevqError("nearest-shape", `\`${name}\` is ${value}; a whole number of at least ${minimum} is expected.`);
  }
}

/** Checks a shape and lists the tokens of every group. Throws `nearest-shape`. */
export function resolveLayout(shape: NearestShape): NearestLayout {
  const { samples, groups, codes, dim, groupOf } = shape;
  const tokens = shape.tokens ?? groupOf?.length ?? groups;
  requireCount("samples", samples, 0);
  requireCount("groups", groups, 1);
  requireCount("codes", codes, 1);
  requireCount("dim", dim, 1);
  requireCount("tokens", tokens, 1);
  if (groupOf && groupOf.length !== tokens) {
    throw new RevqError("nearest-shape", `\`groupOf\` lists ${groupOf.length} tokens, but a sample has ${tokens}.`);
  }
  const lists: number[][] = Array.from({ length: groups }, () => []);
  for (let token = 0; token < tokens; token++) {
    const group = groupOf ? groupOf[token]! : token % groups;
    const list = lists[group];
    if (!list)
      throw new RevqError("nearest-shape", `Token ${token} belongs to group ${group}, but there are ${groups} groups.`);
    list.push(token);
  }
  return { samples, groups, codes, dim, tokens, tokensOf: lists.map((list) => Int32Array.from(list)), grouped: false };
}

/** Throws `nearest-length` if an array does not have the length of its shape. */
export function requireLength(name: string, array: { readonly length: number }, dims: readonly number[]): void {
  const expected = dims.reduce((product, size) => product * size, 1);
  if (array.length !== expected) {
    throw new RevqError("nearest-length", `\`${name}\` holds ${array.length} elements; [${dims}] needs ${expected}.`);
  }
}

/** Throws `<code>` if a value is NaN or infinite. */
export function requireFinite(name: string, code: string, values: Float32Array): void {
  if (allFinite(values)) return;
  const i = values.findIndex((value) => !Number.isFinite(value));
  throw new RevqError(code, `\`${name}\` holds ${values[i]} at element ${i}; finite numbers are expected.`, {
    fix: "Look for a division by a standard deviation of zero, or for a learning rate that is too high.",
  });
}

/** The first query of every group in a grouped array, and the number of all: `[groups + 1]`. */
export function groupStarts({ samples, tokensOf }: NearestLayout): number[] {
  const starts = [0];
  for (const list of tokensOf) starts.push(starts.at(-1)! + samples * list.length);
  return starts;
}

/**
 * `[samples, tokens, dim]` -> the same rows ordered by group, in `to`. Later passes then read in
 * sequence, which is many times faster.
 */
export function toGrouped(layout: NearestLayout, from: Float32Array, to: Float32Array): Float32Array {
  const { samples, tokens, dim, tokensOf } = layout;
  const starts = groupStarts(layout);
  const rows = 64; // samples at a time: neighbouring groups share cache lines
  for (let first = 0; first < samples; first += rows) {
    const last = Math.min(samples, first + rows);
    for (let group = 0; group < tokensOf.length; group++) {
      const list = tokensOf[group]!;
      let at = (starts[group]! + first * list.length) * dim;
      if (list.length === 1) {
        for (let row = (first * tokens + list[0]!) * dim; row < last * tokens * dim; row += tokens * dim) {
          for (let i = 0; i < dim; i++) to[at++] = from[row + i]!;
        }
        continue;
      }
      for (let sample = first; sample < last; sample++) {
        for (let t = 0; t < list.length; t++) {
          const row = (sample * tokens + list[t]!) * dim;
          for (let i = 0; i < dim; i++) to[at++] = from[row + i]!;
        }
      }
    }
  }
  return to;
}
