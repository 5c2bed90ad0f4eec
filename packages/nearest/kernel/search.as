// Exact nearest-code search in 128-bit SIMD (AssemblyScript).
// `build.js` compiles this file into src/wasm/kernel.generated.ts.
//
// Codes are packed into leaves of 16, dimension by dimension: one instruction compares a query with
// 4 codes of a leaf. A k-d tree decides which codes share a leaf. It is kept as three levels
// of bounding boxes, around leaves, branches of 16 leaves and limbs of 16 branches; one instruction
// tests 4 boxes. A box's lower bound is computed with the operations of the distance itself, in the
// same order. Each of them is monotone under rounding, so the bound never exceeds the float32
// distance of a code inside: pruning is exact.

import { codeDistance, squared } from "./distance";
import {
  FAN, branchBoxOffset, branchCount, idsOffset, leafBoxOffset, leafCount, limbBoxOffset, limbCount, quads, scratchOffset,
} from "./layout";
import { minLane } from "./tree";

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
  const t = f32x4.sub(q, f32x4.pmin(f32x4.pmax(q, v128.load(box)), v128.load(box, 16)));
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

/** The lanes of 16 values that are at most `limit`, as bits. */
@inline function lanesUpTo(v0: v128, v1: v128, v2: v128, v3: v128, limit: v128): i32 {
  return i32x4.bitmask(f32x4.le(v0, limit)) | (i32x4.bitmask(f32x4.le(v1, limit)) << 4)
    | (i32x4.bitmask(f32x4.le(v2, limit)) << 8) | (i32x4.bitmask(f32x4.le(v3, limit)) << 12);
}

/** The same for 4 values in memory, or 16 if there are `more`. */
@inline function storedUpTo(values: usize, more: bool, limit: v128): i32 {
  if (!more) return i32x4.bitmask(f32x4.le(v128.load(values), limit));
  return lanesUpTo(v128.load(values), v128.load(values, 16), v128.load(values, 32), v128.load(values, 48), limit);
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
  const limbBoxes = tree + limbBoxOffset(count, dim);
  const branchBounds = (tree + scratchOffset(count, dim) + 15) & ~15; // 16 f32
  const limbBounds = branchBounds + 64;
  const boxBytes = <usize>(d ? d : dim) * 32;
  const leaves = leafCount(count);
  const branches = branchCount(count);
  const limbs = limbCount(count);
  const limbQuads = quads(limbs);
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

    // The limb with the smallest bound comes first: it holds the query or is next to it. So do its
    // branch and leaf with the smallest bounds.
    let home = 0;
    if (limbs > 1) {
      let nearest = f32x4.splat(Infinity);
      for (let g = 0; g < limbQuads; g++) {
        const box = limbBoxes + <usize>g * boxBytes;
        const bound = d ? bounds(d, box, query, q0, q1, q2, q3, q4, q5, q6, q7) : boundsAny(dim, box, query);
        v128.store(limbBounds + (<usize>g << 4), bound);
        nearest = f32x4.pmin(nearest, bound);
      }
      const minimum = f32x4.splat(minLane(nearest));
      for (let g = 0; g < limbQuads; g++) {
        const lanes = i32x4.bitmask(f32x4.le(v128.load(limbBounds + (<usize>g << 4)), minimum));
        if (lanes) { home = (g << 2) + ctz(lanes); break; }
      }
    }
    let limb = home;
    let next = 0;
    let isFirst = true;
    while (true) {
      // The branches of this limb that may hold a code as near.
      let branchLanes = 1, branchLane = 0;
      if (branches > 1) {
        const inLimb = branches - limb * FAN;
        const around = branchBoxes + <usize>limb * 4 * boxBytes;
        const b0 = d ? bounds(d, around, query, q0, q1, q2, q3, q4, q5, q6, q7) : boundsAny(dim, around, query);
        v128.store(branchBounds, b0);
        branchLanes = i32x4.bitmask(f32x4.le(b0, bestVector));
        let nearest = b0;
        if (branches > 4) {
          let b1 = f32x4.splat(Infinity), b2 = b1, b3 = b1;
          if (inLimb > 4) b1 = d ? bounds(d, around + boxBytes, query, q0, q1, q2, q3, q4, q5, q6, q7) : boundsAny(dim, around + boxBytes, query);
          if (inLimb > 8) {
            b2 = d ? bounds(d, around + boxBytes * 2, query, q0, q1, q2, q3, q4, q5, q6, q7) : boundsAny(dim, around + boxBytes * 2, query);
            if (inLimb > 12) b3 = d ? bounds(d, around + boxBytes * 3, query, q0, q1, q2, q3, q4, q5, q6, q7) : boundsAny(dim, around + boxBytes * 3, query);
          }
          v128.store(branchBounds, b1, 16); v128.store(branchBounds, b2, 32); v128.store(branchBounds, b3, 48);
          branchLanes = lanesUpTo(b0, b1, b2, b3, bestVector);
          nearest = f32x4.pmin(f32x4.pmin(b0, b1), f32x4.pmin(b2, b3));
        }
        if (inLimb < FAN) branchLanes &= (1 << inLimb) - 1;
        branchLane = ctz(branchLanes);
        if (isFirst) {
          const first = branchLanes & storedUpTo(branchBounds, branches > 4, f32x4.splat(minLane(nearest)));
          if (first) branchLane = ctz(first);
        }
      }
      while (branchLanes) {
        branchLanes &= ~(1 << branchLane);
        const branch = limb * FAN + branchLane;
        // The leaves of this branch that may hold a code as near.
        const base = branch * FAN;
        const box = leafBoxes + <usize>branch * 4 * boxBytes;
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
        let lanes = lanesUpTo(l0, l1, l2, l3, bestVector);
        if (leaves - base < FAN) lanes &= (1 << (leaves - base)) - 1;
        if (lanes) {
          let lane = ctz(lanes);
          if (isFirst) {
            isFirst = false;
            const minimum = f32x4.splat(minLane(f32x4.pmin(f32x4.pmin(l0, l1), f32x4.pmin(l2, l3))));
            const first = lanes & lanesUpTo(l0, l1, l2, l3, minimum);
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
              lanes &= lanesUpTo(l0, l1, l2, l3, bestVector);
            }
            if (!lanes) break;
            lane = ctz(lanes);
          }
        }
        // The next branch that may hold a code as near.
        if (branchLanes) {
          branchLanes &= storedUpTo(branchBounds, branches > 4, bestVector);
          branchLane = ctz(branchLanes);
        }
      }
      isFirst = false;
      // The next limb.
      while (next < limbs && (next === home || load<f32>(limbBounds + (<usize>next << 2)) > best)) next++;
      if (next >= limbs) break;
      limb = next++;
    }
    store<i32>(out + (<usize>k << 2), bestId);
    store<f32>(outDistances + (<usize>k << 2), best);
  }
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
