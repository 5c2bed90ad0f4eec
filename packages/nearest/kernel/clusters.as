// Exact nearest-code search for queries that come with a guess, as in k-means (AssemblyScript).
//
// Queries with the same guessed code form a cluster and are searched together. The tree is walked
// once a cluster, with the box around the cluster's queries, instead of once a query.
// Let r be the largest distance of a query of the cluster to its guess. A code can only be as near
// to one of the queries as its guess if its distance to the box is at most r. Such codes are
// gathered, and every query of the cluster is compared with them alone, four at a time.
// The bound between two boxes uses the operations of the distance itself in the same order. All are
// monotone under rounding: as in search.as, pruning never loses a code.
//
// Scratch (bytes): order [n] i32 | starts [codes + 1] i32 | ids [codes] i32 | marks [leaves] u16
// | leaves [leaves] i32 | near [codes / 4 + 1][d][4] f32.

import { squared } from "./distance";
import { idsOffset, leafBoxOffset, leafCount, quads } from "./layout";
import { minLane } from "./tree";

@inline function startsAt(n: i32): usize { return (<usize>n * 4 + 63) & ~63; }
@inline function idsAt(n: i32, codes: i32): usize { return startsAt(n) + ((<usize>(codes + 1) * 4 + 63) & ~63); }
@inline function marksAt(n: i32, codes: i32): usize { return idsAt(n, codes) + ((<usize>codes * 4 + 63) & ~63); }
@inline function nearAt(n: i32, codes: i32): usize { return marksAt(n, codes) + ((<usize>(leafCount(codes) + 8) * 6 + 63) & ~63); }

/** Bytes of scratch for n queries. */
export function clustersBytes(n: i32, codes: i32, d: i32): usize {
  return nearAt(n, codes) + (<usize>quads(codes) + 1) * d * 16;
}

/** Sorts the listed queries by their guess: order [n], starts [codes + 1]. */
function sortByCluster(list: usize, n: i32, codes: i32, guesses: usize, order: usize, starts: usize): void {
  memory.fill(starts, 0, <usize>(codes + 1) << 2);
  for (let i = 0; i < n; i++) {
    const k = list ? load<u32>(list + (<usize>i << 2)) : i;
    const at = starts + (<usize>load<u32>(guesses + (<usize>k << 2)) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  let sum = 0;
  for (let c = 0; c <= codes; c++) {
    sum += load<i32>(starts + (<usize>c << 2));
    store<i32>(starts + (<usize>c << 2), sum);
  }
  for (let i = n - 1; i >= 0; i--) {
    const k = list ? load<u32>(list + (<usize>i << 2)) : i;
    const at = starts + (<usize>load<u32>(guesses + (<usize>k << 2)) << 2);
    const slot = load<i32>(at) - 1;
    store<i32>(at, slot);
    store<i32>(order + (<usize>slot << 2), k);
  }
}

/** Squared distances of values to intervals. */
@inline function outside(low: v128, high: v128, x: v128): v128 {
  const t = f32x4.sub(x, f32x4.pmin(f32x4.pmax(x, low), high));
  return f32x4.mul(t, t);
}

/** Squared distances between intervals. */
@inline function beyond(low: v128, high: v128, boxLow: v128, boxHigh: v128): v128 {
  const t = f32x4.pmax(f32x4.pmax(f32x4.sub(boxLow, high), f32x4.sub(low, boxHigh)), f32x4.splat(0));
  return f32x4.mul(t, t);
}

@inline function sumOfLanes(sum: f32, v: v128): f32 {
  return sum + f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3);
}

@inline function searchInClusters(d: i32, tree: usize, count: i32, codes: usize, clusters: i32, queries: usize, list: usize, n: i32, out: usize, distances: usize, scratch: usize): void {
  const order = scratch;
  const starts = scratch + startsAt(n);
  const nearIds = scratch + idsAt(n, clusters);
  const near = scratch + nearAt(n, clusters);
  const marks = scratch + marksAt(n, clusters);
  const list16 = marks + ((<usize>(leafCount(clusters) + 4) * 2 + 15) & ~15);
  const ids = tree + idsOffset(count, d);
  const leafBoxes = tree + leafBoxOffset(count, d);
  const leaves = leafCount(count);
  const zero = f32x4.splat(0);
  sortByCluster(list, n, clusters, out, order, starts);

  for (let cluster = 0; cluster < clusters; cluster++) {
    const first = load<i32>(starts + (<usize>cluster << 2));
    const last = load<i32>(starts + (<usize>cluster << 2), 4);
    if (first === last) continue;

    // The box around the cluster's queries, and the largest distance to their guess.
    const code = codes + <usize>cluster * (d * 4);
    let low = f32x4.splat(Infinity), high = f32x4.splat(-Infinity), low4 = low, high4 = high;
    const c = v128.load(code), c4 = d === 8 ? v128.load(code, 16) : zero;
    let reach: f32 = 0;
    for (let at = first; at < last; at++) {
      const k = <usize>load<u32>(order + (<usize>at << 2));
      const query = queries + k * (d * 4);
      const q = v128.load(query);
      low = f32x4.pmin(low, q);
      high = f32x4.pmax(high, q);
      if (d === 8) {
        const q4 = v128.load(query, 16);
        low4 = f32x4.pmin(low4, q4);
        high4 = f32x4.pmax(high4, q4);
      }
      let sum: f32;
      if (list) sum = load<f32>(distances + (k << 2));
      else {
        sum = sumOfLanes(0, squared(q, c));
        if (d === 8) sum = sumOfLanes(sum, squared(v128.load(query, 16), c4));
        store<f32>(distances + (k << 2), sum);
      }
      reach = max(reach, sum);
    }
    const reaches = f32x4.splat(reach);
    const a0 = v128.shuffle<f32>(low, low, 0, 0, 0, 0), a1 = v128.shuffle<f32>(low, low, 1, 1, 1, 1);
    const a2 = v128.shuffle<f32>(low, low, 2, 2, 2, 2), a3 = v128.shuffle<f32>(low, low, 3, 3, 3, 3);
    const b0 = v128.shuffle<f32>(high, high, 0, 0, 0, 0), b1 = v128.shuffle<f32>(high, high, 1, 1, 1, 1);
    const b2 = v128.shuffle<f32>(high, high, 2, 2, 2, 2), b3 = v128.shuffle<f32>(high, high, 3, 3, 3, 3);
    const a4 = v128.shuffle<f32>(low4, low4, 0, 0, 0, 0), a5 = v128.shuffle<f32>(low4, low4, 1, 1, 1, 1);
    const a6 = v128.shuffle<f32>(low4, low4, 2, 2, 2, 2), a7 = v128.shuffle<f32>(low4, low4, 3, 3, 3, 3);
    const b4 = v128.shuffle<f32>(high4, high4, 0, 0, 0, 0), b5 = v128.shuffle<f32>(high4, high4, 1, 1, 1, 1);
    const b6 = v128.shuffle<f32>(high4, high4, 2, 2, 2, 2), b7 = v128.shuffle<f32>(high4, high4, 3, 3, 3, 3);

    // Leaves, then their codes, that may be as near to one of the queries as its guess.
    // Marked as bits first: a branch on each would be mispredicted.
    let listed = 0;
    for (let base = 0; base < leaves; base += 64) {
      let boxMarks: u64 = 0;
      const within = min(64, leaves - base);
      for (let leaf = 0; leaf < within; leaf += 4) {
        const box = leafBoxes + <usize>((base + leaf) >> 2) * (d * 32);
        let bound = beyond(a0, b0, v128.load(box), v128.load(box, 16));
        bound = f32x4.add(bound, beyond(a1, b1, v128.load(box, 32), v128.load(box, 48)));
        bound = f32x4.add(bound, beyond(a2, b2, v128.load(box, 64), v128.load(box, 80)));
        bound = f32x4.add(bound, beyond(a3, b3, v128.load(box, 96), v128.load(box, 112)));
        if (d === 8) {
          bound = f32x4.add(bound, beyond(a4, b4, v128.load(box, 128), v128.load(box, 144)));
          bound = f32x4.add(bound, beyond(a5, b5, v128.load(box, 160), v128.load(box, 176)));
          bound = f32x4.add(bound, beyond(a6, b6, v128.load(box, 192), v128.load(box, 208)));
          bound = f32x4.add(bound, beyond(a7, b7, v128.load(box, 224), v128.load(box, 240)));
        }
        boxMarks |= <u64>i32x4.bitmask(f32x4.le(bound, reaches)) << leaf;
      }
      if (within < 64) boxMarks &= (<u64>1 << within) - 1; // behind the last box there are zeros
      while (boxMarks) {
        const leaf = base + <i32>ctz(boxMarks);
        boxMarks &= boxMarks - 1;
        const block = tree + <usize>leaf * (d * 64);
        let lanes = 0;
        for (let v = 0; v < 4; v++) {
          const column = block + <usize>v * 16;
          let sum = outside(a0, b0, v128.load(column));
          sum = f32x4.add(sum, outside(a1, b1, v128.load(column, 64)));
          sum = f32x4.add(sum, outside(a2, b2, v128.load(column, 128)));
          sum = f32x4.add(sum, outside(a3, b3, v128.load(column, 192)));
          if (d === 8) {
            sum = f32x4.add(sum, outside(a4, b4, v128.load(column, 256)));
            sum = f32x4.add(sum, outside(a5, b5, v128.load(column, 320)));
            sum = f32x4.add(sum, outside(a6, b6, v128.load(column, 384)));
            sum = f32x4.add(sum, outside(a7, b7, v128.load(column, 448)));
          }
          lanes |= i32x4.bitmask(f32x4.le(sum, reaches)) << (v << 2);
        }
        store<u16>(marks + (<usize>listed << 1), lanes);
        store<i32>(list16 + (<usize>listed << 2), leaf << 4);
        listed++;
      }
    }
    store<u64>(marks + (<usize>listed << 1), 0);
    let found = 0;
    for (let four = 0; four < listed; four += 4) {
      let codeMarks = load<u64>(marks + (<usize>four << 1));
      while (codeMarks) {
        const at = <i32>ctz(codeMarks);
        codeMarks &= codeMarks - 1;
        const slot = load<i32>(list16 + (<usize>(four + (at >> 4)) << 2)) + (at & 15);
        if (slot >= count) continue; // the last leaf is filled up with copies
        const from = tree + <usize>(slot >> 4) * (d * 64) + (<usize>(slot & 15) << 2);
        const to = near + <usize>(found >> 2) * (d * 16) + (<usize>(found & 3) << 2);
        store<f32>(to, load<f32>(from));
        store<f32>(to, load<f32>(from, 64), 16);
        store<f32>(to, load<f32>(from, 128), 32);
        store<f32>(to, load<f32>(from, 192), 48);
        if (d === 8) {
          store<f32>(to, load<f32>(from, 256), 64);
          store<f32>(to, load<f32>(from, 320), 80);
          store<f32>(to, load<f32>(from, 384), 96);
          store<f32>(to, load<f32>(from, 448), 112);
        }
        const id = load<i32>(ids + (<usize>slot << 2));
        store<i32>(nearIds + (<usize>found << 2), id);
        found += <i32>(id !== cluster);
      }
    }
    if (found === 0) continue;
    // Lanes behind the last code hold NaN, which no comparison takes.
    const end = near + <usize>((found + 3) >> 2) * (d * 16);
    for (let k = found; k < ((found + 3) & ~3); k++) {
      store<f32>(near + <usize>(k >> 2) * (d * 16) + (<usize>(k & 3) << 2), NaN);
    }

    for (let at = first; at < last; at++) {
      const k = <usize>load<u32>(order + (<usize>at << 2));
      const query = queries + k * (d * 4);
      const q0 = v128.load32_splat(query), q1 = v128.load32_splat(query, 4), q2 = v128.load32_splat(query, 8), q3 = v128.load32_splat(query, 12);
      let q4 = zero, q5 = zero, q6 = zero, q7 = zero;
      if (d === 8) {
        q4 = v128.load32_splat(query, 16); q5 = v128.load32_splat(query, 20); q6 = v128.load32_splat(query, 24); q7 = v128.load32_splat(query, 28);
      }
      let best = load<f32>(distances + (k << 2));
      let minimum = f32x4.splat(Infinity);
      for (let block = near; block < end; block += d * 16) {
        let sum = squared(q0, v128.load(block));
        sum = f32x4.add(sum, squared(q1, v128.load(block, 16)));
        sum = f32x4.add(sum, squared(q2, v128.load(block, 32)));
        sum = f32x4.add(sum, squared(q3, v128.load(block, 48)));
        if (d === 8) {
          sum = f32x4.add(sum, squared(q4, v128.load(block, 64)));
          sum = f32x4.add(sum, squared(q5, v128.load(block, 80)));
          sum = f32x4.add(sum, squared(q6, v128.load(block, 96)));
          sum = f32x4.add(sum, squared(q7, v128.load(block, 112)));
        }
        minimum = f32x4.pmin(minimum, sum);
      }
      if (!v128.any_true(f32x4.le(minimum, f32x4.splat(best)))) continue;
      // Nearer, or as near: which code, and of several the one with the lowest id.
      const value = minLane(minimum);
      const equal = f32x4.splat(value);
      let id = value < best ? i32.MAX_VALUE : cluster;
      let from = nearIds;
      for (let block = near; block < end; block += d * 16) {
        let sum = squared(q0, v128.load(block));
        sum = f32x4.add(sum, squared(q1, v128.load(block, 16)));
        sum = f32x4.add(sum, squared(q2, v128.load(block, 32)));
        sum = f32x4.add(sum, squared(q3, v128.load(block, 48)));
        if (d === 8) {
          sum = f32x4.add(sum, squared(q4, v128.load(block, 64)));
          sum = f32x4.add(sum, squared(q5, v128.load(block, 80)));
          sum = f32x4.add(sum, squared(q6, v128.load(block, 96)));
          sum = f32x4.add(sum, squared(q7, v128.load(block, 112)));
        }
        let lanes = i32x4.bitmask(f32x4.eq(sum, equal));
        while (lanes) {
          id = min(id, load<i32>(from + (<usize>ctz(lanes) << 2)));
          lanes &= lanes - 1;
        }
        from += 16;
      }
      store<i32>(out + (k << 2), id);
      store<f32>(distances + (k << 2), value);
    }
  }
}

/**
 * Finds the nearest of the guess and the `count` codes in the tree for every query [][d] f32. `out`
 * holds the guesses, below `clusters`, and then the answers; `distances` those to the answers.
 * Without `list`, the first n queries are searched. With it, the n listed ones, whose `distances`
 * must be those to their guesses. d is 4 or 8.
 */
export function searchClusters(tree: usize, count: i32, codes: usize, clusters: i32, d: i32, queries: usize, list: usize, n: i32, out: usize, distances: usize, scratch: usize): void {
  if (d === 4) searchInClusters(4, tree, count, codes, clusters, queries, list, n, out, distances, scratch);
  else searchInClusters(8, tree, count, codes, clusters, queries, list, n, out, distances, scratch);
}
