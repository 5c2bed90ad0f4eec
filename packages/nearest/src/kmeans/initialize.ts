/** Initial codebooks of k-means: latents of each group, drawn at random or spread by k-means++. */
import type { Random } from "@revq/core";
import { createYielder } from "../event-loop.js";
import { squaredDistance } from "../reference.js";
import { groupStarts, type NearestLayout } from "../shape.js";

/** Offset in `latents` of a group's query q. */
function offsetOf(layout: NearestLayout, starts: readonly number[], group: number, query: number): number {
  if (layout.grouped) return (starts[group]! + query) * layout.dim;
  const list = layout.tokensOf[group]!;
  const sample = Math.floor(query / list.length);
  return (sample * layout.tokens + list[query % list.length]!) * layout.dim;
}

/**
 * Initial codebooks `[groups, codes, dim]`. Every group draws from a generator of its own, so
 * groups do not depend on each other.
 *
 * @param groupNumbers as in `KMeansOptions`
 */
export async function initialCodebooks(
  layout: NearestLayout,
  latents: Float32Array,
  init: "sample" | "kmeans++",
  random: Random,
  signal?: AbortSignal,
  groupNumbers?: readonly number[],
): Promise<Float32Array> {
  const { groups, codes, dim, samples, tokensOf } = layout;
  const codebooks = new Float32Array(groups * codes * dim);
  const step = createYielder(signal);
  const starts = groupStarts(layout);
  for (let group = 0; group < groups; group++) {
    await step();
    const queries = samples * tokensOf[group]!.length;
    if (queries === 0) continue; // a group without tokens keeps codes of zeros
    const own = random.fork(`group ${groupNumbers?.[group] ?? group}`);
    const chosen =
      init === "sample"
        ? drawSample(queries, codes, own)
        : await drawSpread(layout, latents, group, queries, own, step);
    for (let code = 0; code < codes; code++) {
      const from = offsetOf(layout, starts, group, chosen[code]!);
      const to = (group * codes + code) * dim;
      for (let i = 0; i < dim; i++) codebooks[to + i] = latents[from + i]!;
    }
  }
  return codebooks;
}

/** `codes` distinct queries. If there are fewer queries, all are repeated as evenly as possible. */
function drawSample(queries: number, codes: number, random: Random): Int32Array {
  const chosen = new Int32Array(codes);
  for (let start = 0; start < codes; start += queries) {
    chosen.set(random.sample(queries, Math.min(queries, codes - start)), start);
  }
  return chosen;
}

/**
 * k-means++: draws each code with probability proportional to its squared distance to earlier ones.
 */
async function drawSpread(
  layout: NearestLayout,
  latents: Float32Array,
  group: number,
  queries: number,
  random: Random,
  step: () => Promise<void>,
): Promise<Int32Array> {
  const { codes, dim } = layout;
  const rows = new Float32Array(queries * dim);
  const starts = groupStarts(layout);
  for (let query = 0; query < queries; query++) {
    const from = offsetOf(layout, starts, group, query);
    rows.set(latents.subarray(from, from + dim), query * dim);
  }
  const nearest = new Float64Array(queries).fill(Infinity);
  const chosen = new Int32Array(codes);
  chosen[0] = random.integer(queries);
  for (let code = 1; code < codes; code++) {
    await step();
    let total = 0;
    for (let query = 0; query < queries; query++) {
      const distance = squaredDistance(rows, query * dim, rows, chosen[code - 1]! * dim, dim);
      if (distance < nearest[query]!) nearest[query] = distance;
      total += nearest[query]!;
    }
    const target = random.uniform() * total;
    if (!(total > 0) || total === Infinity) {
      chosen[code] = random.integer(queries); // every query equals a code already
      continue;
    }
    let query = 0;
    for (let sum = nearest[0]!; query < queries - 1 && sum <= target; sum += nearest[query]!) query++;
    chosen[code] = query;
  }
  return chosen;
}
