/**
 * Cuts a search into tasks of bounded size, with inputs in shared memory where workers read them.
 */
import { RevqError } from "@revq/core";
import { nextOrder } from "../search-memory.js";
import type { NearestResult, SearchOptions } from "../search-options.js";
import type { NearestLayout } from "../shape.js";
import { isShared, sharedInt32 } from "../shared-memory.js";
import { searchCosts } from "./costs.js";
import { borrowShared, returnShared } from "./staging.js";
import type { SearchTask } from "./task.js";

/** Copies into shared memory are made this many elements at a time: 128 MiB. */
const slabElements = 2 ** 25;
/**
 * Queries in a job when several runners share a group or the thread must turn its event loop: at
 * most, and at least so many estimated nanoseconds.
 */
const largestJob = 2048;
const smallestJobNs = 1e5;
/** Jobs for each runner, so that none waits long for the last one. */
const jobsPerRunner = 64;

/** Fewer codes are sorted by each runner for itself. */
const smallestShared = 4096;

let taskCount = 0;

export interface Slab {
  readonly task: SearchTask;
  /** Copies the answers to the result, if the task has copies. */
  finish(): void;
}

/**
 * The tasks of a search. Arrays are copied only for worker threads, and only if they are not shared
 * already; copies are bounded.
 */
export function* slabs(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  result: NearestResult,
  options: SearchOptions,
  threads: number,
): Generator<Slab> {
  const { samples, groups, codes, dim, tokens, tokensOf } = layout;
  const inPlace = threads === 1;
  const costs = searchCosts(codes, dim);
  const smallestJob = Math.ceil(smallestJobNs / Math.min(costs.brute, costs.tree, costs.int16));
  const memory = options.memory ? nextOrder(options.memory, layout) : null;
  const codebooksStay = inPlace || isShared(codebooks);
  const dataStay =
    inPlace || layout.grouped || (isShared(latents) && isShared(result.indices) && isShared(result.distances));
  const groupStep = codebooksStay ? groups : Math.max(1, Math.min(groups, Math.floor(slabElements / (codes * dim))));

  for (let firstGroup = 0; firstGroup < groups; firstGroup += groupStep) {
    const slabGroups = Math.min(groupStep, groups - firstGroup);
    const lists = tokensOf.slice(firstGroup, firstGroup + slabGroups);
    const all = slabGroups === groups;
    const listed = concat(lists);
    const slabTokens = listed.length;
    if (slabTokens === 0) continue;
    const start = firstGroup * codes * dim;
    const ownCodebooks = codebooks.subarray(start, start + slabGroups * codes * dim);
    const codesBuffer = codebooksStay ? null : borrowShared(ownCodebooks.byteLength);
    const taskCodebooks = codesBuffer ? new Float32Array(codesBuffer, 0, ownCodebooks.length) : ownCodebooks;
    if (codesBuffer) taskCodebooks.set(ownCodebooks);
    const leafWords = Math.ceil(codes / 16) * 16 * (dim + 1);
    const together = !inPlace && slabGroups === 1 && codes >= smallestShared && !options.moves;
    const partsBuffer =
      together && costs.tree < Math.min(costs.brute, costs.int16) ? borrowShared(leafWords * 4) : null;
    const partCount = 2 ** Math.min(4, Math.ceil(Math.log2(threads)));
    const tokenStart = starts(lists);
    const sampleStep = dataStay
      ? Math.max(1, samples)
      : Math.max(1, Math.floor(slabElements / (slabTokens * (dim + 2))));

    for (let first = 0; first < samples; first += sampleStep) {
      const count = Math.min(sampleStep, samples - first);
      const rows = new Rows(first, count, tokens, all ? null : listed);
      const staged = !dataStay;
      const length = count * slabTokens;
      const buffer = staged ? borrowShared(length * (dim + 2) * 4) : null;
      const perRunner = Math.ceil(length / slabGroups / threads / jobsPerRunner);
      const jobQueries = inPlace || options.guess ? largestJob : Math.min(largestJob, Math.max(perRunner, smallestJob));
      const task: SearchTask = {
        id: taskCount++,
        samples: count,
        tokens: staged ? slabTokens : tokens,
        codes,
        dim,
        grouped: layout.grouped,
        tokenList: staged && !all ? Int32Array.from(listed, (_, i) => i) : listed,
        tokenStart,
        latents: buffer ? rows.gather(latents, new Float32Array(buffer, 0, length * dim), dim) : latents,
        codebooks: taskCodebooks,
        indices: buffer ? new Int32Array(buffer, length * dim * 4, length) : result.indices,
        distances: buffer ? new Float32Array(buffer, length * (dim + 1) * 4, length) : result.distances,
        guessed: options.guess !== undefined,
        method: options.method ?? "auto",
        costs,
        order: memory && memory.order.subarray(firstGroup * codes, (firstGroup + slabGroups) * codes),
        ready: memory && memory.ready.subarray(firstGroup, firstGroup + slabGroups),
        parts: partsBuffer
          ? { state: sharedInt32(partCount), leaves: new Int32Array(partsBuffer, 0, leafWords) }
          : null,
        moves: options.moves ?? null,
        chunks:
          options.moves || (!inPlace && slabGroups >= 4 * threads)
            ? 1
            : Math.max(1, Math.ceil(length / slabGroups / jobQueries)),
        runners: threads,
        control: inPlace ? new Int32Array(5) : sharedInt32(5),
      };
      if (options.guess) {
        if (staged) rows.gather(options.guess, task.indices, 1);
        else if (options.guess !== result.indices) result.indices.set(options.guess);
        if (options.trusted !== true) requireCodes(task.indices, codes);
      }
      yield {
        task,
        finish() {
          if (!buffer) return;
          rows.scatter(task.indices, result.indices);
          rows.scatter(task.distances, result.distances);
          returnShared(buffer);
        },
      };
    }
    if (partsBuffer) returnShared(partsBuffer);
    if (codesBuffer) returnShared(codesBuffer);
  }
}

function requireCodes(guess: Int32Array, codes: number): void {
  for (let i = 0; i < guess.length; i++) {
    if (guess[i]! < codes && guess[i]! >= 0) continue;
    throw new RevqError("nearest-guess", `\`guess\` holds ${guess[i]}, but there are ${codes} codes.`);
  }
}

/** The rows of `[samples, tokens]` in a slab: all tokens, or the listed ones, of some samples. */
class Rows {
  constructor(
    private readonly first: number,
    private readonly count: number,
    private readonly tokens: number,
    private readonly listed: Int32Array | null,
  ) {}

  gather<T extends Float32Array | Int32Array>(from: T, to: T, dim: number): T {
    const { first, count, tokens, listed } = this;
    if (!listed) {
      to.set(from.subarray(first * tokens * dim, (first + count) * tokens * dim));
      return to;
    }
    let at = 0;
    for (let sample = first; sample < first + count; sample++) {
      for (let t = 0; t < listed.length; t++) {
        const row = (sample * tokens + listed[t]!) * dim;
        for (let i = 0; i < dim; i++) to[at++] = from[row + i]!;
      }
    }
    return to;
  }

  scatter<T extends Float32Array | Int32Array>(from: T, to: T): void {
    const { first, count, tokens, listed } = this;
    if (!listed) {
      to.set(from, first * tokens);
      return;
    }
    let at = 0;
    for (let sample = first; sample < first + count; sample++) {
      for (let t = 0; t < listed.length; t++) to[sample * tokens + listed[t]!] = from[at++]!;
    }
  }
}

function concat(lists: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

function starts(lists: readonly Int32Array[]): Int32Array {
  const at = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => (at[i + 1] = at[i]! + list.length));
  return at;
}
