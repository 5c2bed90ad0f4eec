// Exact nearest-code search in 128-bit SIMD (AssemblyScript).
// `build.js` compiles this file into src/wasm/kernel.generated.ts.
//
// Codes are packed into leaves of 16, dimension by dimension: one instruction compares a query with
// 4 codes of a leaf. A k-d tree decides which codes share a leaf. It is kept as two levels of
// bounding boxes, 16 leaves to a branch; one instruction tests 4 boxes. A box's lower bound is
// computed with the operations of the distance itself, in the same order. Each of them is monotone
// under rounding, so the bound never exceeds the float32 distance of a code inside: pruning is
// exact.

import { codeDistance, squared } from "./distance";
import {
  FAN, branchBoxOffset, branchCount, idsOffset, leafBoxOffset, leafCount, minLane, quads, scratchOffset,
} from "./tree";

export { boxes, buildPart, buildTop, buildTree, idsAt, packCodes, partStart, refitTree, treeBytes } from "./tree";

/** Distances of 4 codes: vector `at` (bytes 0, 16, 32 or 48) of every dimension of a block. */
@inline function distances(d: i32, block: usize, query: usize, q0: v128, q1: v128, q2: v128, q3: v128, q4: v128, q5: v128, q6: v128, q7: v128): v128 {
  let sum = squared(v128.load(block), q0);
  if (d === 4 || d === 8) {
    sum = f32x4.add(sum, squared(v128.load(block, 64), q1));
    sum = f32x4.add(sum, squared(v128.load(block, 128), q2));
    sum = f32x4.add(sum, squared(v128.load(block, 192), q3));
    if (d === 8) {
      sum = f32x4.add(sum, squared(v128.load(block, 256), q4));
      sum = f32x4.add(sum, squared(v128.load(block, 320), q5));
      sum = f32x4.add(sum, squared(v128.load(block, 384), q6));
      sum = f32x4.add(sum, squared(v128.load(block, 448), q7));
    }
  }
  return sum;
}

@inline function side(box: usize, q: v128): v128 {
  const t = f32x4.pmax(f32x4.pmax(f32x4.sub(v128.load(box), q), f32x4.sub(q, v128.load(box, 16))), f32x4.splat(0));
  return f32x4.mul(t, t);
}

/** Lower bounds of the distance to 4 boxes. */
@inline function bounds(d: i32, box: usize, query: usize, q0: v128, q1: v128, q2: v128, q3: v128, q4: v128, q5: v128, q6: v128, q7: v128): v128 {
  let sum = side(box, q0);
  if (d === 4 || d === 8) {
    sum = f32x4.add(sum, side(box + 32, q1));
    sum = f32x4.add(sum, side(box + 64, q2));
    sum = f32x4.add(sum, side(box + 96, q3));
    if (d === 8) {
      sum = f32x4.add(sum, side(box + 128, q4));
      sum = f32x4.add(sum, side(box + 160, q5));
      sum = f32x4.add(sum, side(box + 192, q6));
      sum = f32x4.add(sum, side(box + 224, q7));
    }
  }
  return sum;
}

/** The lowest id among the lanes of a block whose distance is `value`. */
@inline function lowestId(ids: usize, lanes: i32): i32 {
  let lowest = i32.MAX_VALUE;
  while (lanes) {
    const id = load<i32>(ids + (<usize>ctz(lanes) << 2));
    lowest = id < lowest ? id : lowest;
    lanes &= lanes - 1;
  }
  return lowest;
}

@inline function searchTree(d: i32, dim: i32, tree: usize, codes: usize, count: i32, queries: usize, list: usize, n: i32, out: usize, outDistances: usize, guessed: bool): void {
  const ids = tree + idsOffset(count, dim);
  const leafBoxes = tree + leafBoxOffset(count, dim);
  const branchBoxes = tree + branchBoxOffset(count, dim);
  const leafBounds = (tree + scratchOffset(count, dim) + 15) & ~15; // 16 f32
  const branchBounds = leafBounds + 64;
  const leaves = leafCount(count);
  const branches = branchCount(count);
  const branchQuads = quads(branches);
  const zero = f32x4.splat(0);

  for (let index = 0; index < n; index++) {
    const k = list ? load<i32>(list + (<usize>index << 2)) : index;
    const query = queries + <usize>k * dim * 4;
    const q0 = v128.load32_splat(query);
    let q1 = zero, q2 = zero, q3 = zero, q4 = zero, q5 = zero, q6 = zero, q7 = zero;
    if (d === 4 || d === 8) {
      q1 = v128.load32_splat(query, 4); q2 = v128.load32_splat(query, 8); q3 = v128.load32_splat(query, 12);
      if (d === 8) {
        q4 = v128.load32_splat(query, 16); q5 = v128.load32_splat(query, 20); q6 = v128.load32_splat(query, 24); q7 = v128.load32_splat(query, 28);
      }
    }
    let best: f32 = Infinity;
    let bestId = 0;
    if (guessed) {
      bestId = load<i32>(out + (<usize>k << 2));
      best = codeDistance(dim, query, codes + <usize>bestId * dim * 4);
    }
    let bestVector = f32x4.splat(best);

    // The branch with the smallest bound comes first: it holds the query or is next to it.
    let nearest = f32x4.splat(Infinity);
    let home = 0;
    if (branches > 1) {
      for (let g = 0; g < branchQuads; g++) {
        const bound = d ? bounds(d, branchBoxes + <usize>g * (d * 32), query, q0, q1, q2, q3, q4, q5, q6, q7) : boundsAny(dim, branchBoxes + <usize>g * (dim * 32), query);
        v128.store(branchBounds + (<usize>g << 4), bound);
        nearest = f32x4.pmin(nearest, g === branchQuads - 1 ? v128.or(bound, invalidLanes(branches & 3)) : bound);
      }
      const minimum = f32x4.splat(minLane(nearest));
      for (let g = 0; g < branchQuads; g++) {
        const lanes = i32x4.bitmask(f32x4.le(v128.load(branchBounds + (<usize>g << 4)), minimum));
        if (lanes) { home = (g << 2) + ctz(lanes); break; }
      }
    }
    let branch = home;
    let group = 0;
    let pending = 0;
    while (true) {
      // The leaves of this branch that may hold a code as near.
      const base = branch * FAN;
      const box = leafBoxes + <usize>branch * 4 * (d ? d * 32 : dim * 32);
      let l0: v128, l1: v128, l2: v128, l3: v128;
      if (d) {
        l0 = bounds(d, box, query, q0, q1, q2, q3, q4, q5, q6, q7);
        l1 = bounds(d, box + d * 32, query, q0, q1, q2, q3, q4, q5, q6, q7);
        l2 = bounds(d, box + d * 64, query, q0, q1, q2, q3, q4, q5, q6, q7);
        l3 = bounds(d, box + d * 96, query, q0, q1, q2, q3, q4, q5, q6, q7);
      } else {
        l0 = boundsAny(dim, box, query);
        l1 = boundsAny(dim, box + dim * 32, query);
        l2 = boundsAny(dim, box + dim * 64, query);
        l3 = boundsAny(dim, box + dim * 96, query);
      }
      let lanes = i32x4.bitmask(f32x4.le(l0, bestVector)) | (i32x4.bitmask(f32x4.le(l1, bestVector)) << 4)
        | (i32x4.bitmask(f32x4.le(l2, bestVector)) << 8) | (i32x4.bitmask(f32x4.le(l3, bestVector)) << 12);
      if (leaves - base < FAN) lanes &= (1 << (leaves - base)) - 1;
      if (lanes) {
        v128.store(leafBounds, l0); v128.store(leafBounds, l1, 16); v128.store(leafBounds, l2, 32); v128.store(leafBounds, l3, 48);
        let lane = ctz(lanes);
        if (branch === home) {
          const minimum = f32x4.splat(minLane(f32x4.pmin(f32x4.pmin(l0, l1), f32x4.pmin(l2, l3))));
          const first = lanes & (i32x4.bitmask(f32x4.le(l0, minimum)) | (i32x4.bitmask(f32x4.le(l1, minimum)) << 4)
            | (i32x4.bitmask(f32x4.le(l2, minimum)) << 8) | (i32x4.bitmask(f32x4.le(l3, minimum)) << 12));
          if (first) lane = ctz(first);
        }
        while (true) {
          lanes &= ~(1 << lane);
          const leaf = base + lane;
          let s0: v128, s1: v128, s2: v128, s3: v128;
          if (d) {
            const block = tree + <usize>leaf * (d * 64);
            s0 = distances(d, block, query, q0, q1, q2, q3, q4, q5, q6, q7);
            s1 = distances(d, block + 16, query, q0, q1, q2, q3, q4, q5, q6, q7);
            s2 = distances(d, block + 32, query, q0, q1, q2, q3, q4, q5, q6, q7);
            s3 = distances(d, block + 48, query, q0, q1, q2, q3, q4, q5, q6, q7);
          } else {
            s0 = zero; s1 = zero; s2 = zero; s3 = zero;
            let column = tree + <usize>leaf * dim * 64;
            for (let i = 0; i < dim; i++) {
              const q = v128.load32_splat(query + (<usize>i << 2));
              s0 = f32x4.add(s0, squared(v128.load(column), q));
              s1 = f32x4.add(s1, squared(v128.load(column, 16), q));
              s2 = f32x4.add(s2, squared(v128.load(column, 32), q));
              s3 = f32x4.add(s3, squared(v128.load(column, 48), q));
              column += 64;
            }
          }
          const minimum = f32x4.pmin(f32x4.pmin(s0, s1), f32x4.pmin(s2, s3));
          if (v128.any_true(f32x4.le(minimum, bestVector))) {
            const value = minLane(minimum);
            const equal = f32x4.splat(value);
            const id = lowestId(ids + (<usize>leaf << 6), i32x4.bitmask(f32x4.eq(s0, equal)) | (i32x4.bitmask(f32x4.eq(s1, equal)) << 4)
              | (i32x4.bitmask(f32x4.eq(s2, equal)) << 8) | (i32x4.bitmask(f32x4.eq(s3, equal)) << 12));
            if (value < best || id < bestId) bestId = id;
            best = value;
            bestVector = equal;
            // Leaves within reach of the old best may be out of reach now.
            lanes &= i32x4.bitmask(f32x4.le(l0, bestVector)) | (i32x4.bitmask(f32x4.le(l1, bestVector)) << 4)
              | (i32x4.bitmask(f32x4.le(l2, bestVector)) << 8) | (i32x4.bitmask(f32x4.le(l3, bestVector)) << 12);
          }
          if (!lanes) break;
          lane = ctz(lanes);
        }
      }
      // The next branch that may hold a code as near.
      if (branches === 1) break;
      let found = false;
      while (true) {
        while (pending) {
          branch = ((group - 1) << 2) + ctz(pending);
          pending &= pending - 1;
          if (branch !== home && branch < branches && load<f32>(branchBounds + (<usize>branch << 2)) <= best) { found = true; break; }
        }
        if (found || group === branchQuads) break;
        pending = i32x4.bitmask(f32x4.le(v128.load(branchBounds + (<usize>group << 4)), bestVector));
        group++;
      }
      if (!found) break;
    }
    store<i32>(out + (<usize>k << 2), bestId);
    store<f32>(outDistances + (<usize>k << 2), best);
  }
}

/**
 * All bits set (a NaN, which no minimum takes up) in the lanes from `valid` on; none when `valid`
 * is 0.
 */
@inline function invalidLanes(valid: i32): v128 {
  return valid === 0 ? i32x4.splat(0) : i32x4.gt_s(i32x4(0, 1, 2, 3), i32x4.splat(valid - 1));
}

@inline function boundsAny(dim: i32, box: usize, query: usize): v128 {
  let sum = f32x4.splat(0);
  for (let i = 0; i < dim; i++) sum = f32x4.add(sum, side(box + <usize>i * 32, v128.load32_splat(query + (<usize>i << 2))));
  return sum;
}

/**
 * queries [n][d] f32 -> ids [n] i32, distances [n] f32. With `guessed`, `out` holds a valid code
 * for every query to start from. A `list` (else 0) names the n queries to search for. Call it with
 * a few hundred queries at a time: the engine's compiler replaces its first, slow version between
 * calls.
 */
export function search(tree: usize, codes: usize, count: i32, d: i32, queries: usize, list: usize, n: i32, out: usize, outDistances: usize, guessed: bool): void {
  if (d === 4) searchTree(4, 4, tree, codes, count, queries, list, n, out, outDistances, guessed);
  else if (d === 8) searchTree(8, 8, tree, codes, count, queries, list, n, out, outDistances, guessed);
  else searchTree(0, d, tree, codes, count, queries, list, n, out, outDistances, guessed);
}

@inline function searchBlocks(d: i32, dim: i32, tree: usize, count: i32, queries: usize, n: i32, out: usize, outDistances: usize, first: i32, last: i32): void {
  const ids = tree + idsOffset(count, dim);
  const zero = f32x4.splat(0);
  for (let k = 0; k < n; k++) {
    const query = queries + <usize>k * dim * 4;
    const q0 = v128.load32_splat(query);
    let q1 = zero, q2 = zero, q3 = zero, q4 = zero, q5 = zero, q6 = zero, q7 = zero;
    if (d === 4 || d === 8) {
      q1 = v128.load32_splat(query, 4); q2 = v128.load32_splat(query, 8); q3 = v128.load32_splat(query, 12);
      if (d === 8) {
        q4 = v128.load32_splat(query, 16); q5 = v128.load32_splat(query, 20); q6 = v128.load32_splat(query, 24); q7 = v128.load32_splat(query, 28);
      }
    }
    let best = load<f32>(outDistances + (<usize>k << 2));
    let bestVector = f32x4.splat(best);
    let block = tree + <usize>first * dim * 64;
    for (let leaf = first; leaf < last; leaf++) {
      let s0: v128, s1: v128, s2: v128, s3: v128;
      if (d) {
        s0 = distances(d, block, query, q0, q1, q2, q3, q4, q5, q6, q7);
        s1 = distances(d, block + 16, query, q0, q1, q2, q3, q4, q5, q6, q7);
        s2 = distances(d, block + 32, query, q0, q1, q2, q3, q4, q5, q6, q7);
        s3 = distances(d, block + 48, query, q0, q1, q2, q3, q4, q5, q6, q7);
        block += d * 64;
      } else {
        s0 = zero; s1 = zero; s2 = zero; s3 = zero;
        for (let i = 0; i < dim; i++) {
          const q = v128.load32_splat(query + (<usize>i << 2));
          s0 = f32x4.add(s0, squared(v128.load(block), q));
          s1 = f32x4.add(s1, squared(v128.load(block, 16), q));
          s2 = f32x4.add(s2, squared(v128.load(block, 32), q));
          s3 = f32x4.add(s3, squared(v128.load(block, 48), q));
          block += 64;
        }
      }
      // The ids ascend from block to block, so an equal distance further on never wins.
      const minimum = f32x4.pmin(f32x4.pmin(s0, s1), f32x4.pmin(s2, s3));
      if (v128.any_true(f32x4.lt(minimum, bestVector))) {
        best = minLane(minimum);
        bestVector = f32x4.splat(best);
        const lanes = i32x4.bitmask(f32x4.eq(s0, bestVector)) | (i32x4.bitmask(f32x4.eq(s1, bestVector)) << 4)
          | (i32x4.bitmask(f32x4.eq(s2, bestVector)) << 8) | (i32x4.bitmask(f32x4.eq(s3, bestVector)) << 12);
        store<i32>(out + (<usize>k << 2), load<i32>(ids + (<usize>leaf << 6) + (<usize>ctz(lanes) << 2)));
      }
    }
    store<f32>(outDistances + (<usize>k << 2), best);
  }
}

/**
 * Compares every query with the codes of leaves [first, last) of `packCodes`, starting from the
 * answers in `out` and `outDistances`. The caller walks the leaves upwards, in tiles that fit the
 * first-level cache.
 */
export function searchAll(tree: usize, count: i32, d: i32, queries: usize, n: i32, out: usize, outDistances: usize, first: i32, last: i32): void {
  if (d === 4) searchBlocks(4, 4, tree, count, queries, n, out, outDistances, first, last);
  else if (d === 8) searchBlocks(8, 8, tree, count, queries, n, out, outDistances, first, last);
  else searchBlocks(0, d, tree, count, queries, n, out, outDistances, first, last);
}
