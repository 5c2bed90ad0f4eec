// Builds the tree that search.as walks (AssemblyScript): sort.as puts the codes into leaves, and
// boxes are put around them.

import {
  FAN, LEAF, branchBoxOffset, branchCount, idsOffset, leafBoxOffset, leafCount, limbBoxOffset, limbCount, quads, scratchOffset,
} from "./layout";
import { sortBytes, sortPart, sortTop } from "./sort";

export { partStart } from "./sort";

/** Bytes of a tree, its scratch space for building included. */
export function treeBytes(codes: i32, d: i32): usize {
  const search = <usize>quads(limbCount(codes)) * 16 + 128;
  const build = sortBytes(codes, d) + 64;
  return scratchOffset(codes, d) + (search > build ? search : build) + 16;
}

/**
 * Copies codes into leaves of 16, in the given order [count] i32 or, if it is 0, in their own.
 * Copies of one of its codes fill up the last leaf.
 */
function pack(codes: usize, count: i32, d: i32, tree: usize, order: usize): void {
  const ids = tree + idsOffset(count, d);
  const leaves = leafCount(count);
  for (let leaf = 0; leaf < leaves; leaf++) {
    for (let lane = 0; lane < LEAF; lane++) {
      let k = leaf * LEAF + lane;
      if (k >= count) k = leaf * LEAF;
      const id = order ? load<u32>(order + (<usize>k << 2)) : <u32>k;
      store<u32>(ids + ((<usize>leaf * LEAF + lane) << 2), id);
      const row = codes + <usize>id * d * 4;
      const column = tree + <usize>leaf * d * 64 + (<usize>lane << 2);
      for (let i = 0; i < d; i++) store<f32>(column + (<usize>i << 6), load<f32>(row + (<usize>i << 2)));
    }
  }
}

@inline export function minLane(v: v128): f32 {
  const a = f32x4.pmin(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmin(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2)), 0);
}
@inline function maxLane(v: v128): f32 {
  const a = f32x4.pmax(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2)), 0);
}

/** The boxes around 4 leaves in dimension i, to `box`: 4 lower sides, 4 upper sides. */
@inline function leafSides(block: usize, next: usize, next2: usize, next3: usize, box: usize): void {
  const a = v128.load(block), b = v128.load(block, 16), c = v128.load(block, 32), e = v128.load(block, 48);
  const a1 = v128.load(next), b1 = v128.load(next, 16), c1 = v128.load(next, 32), e1 = v128.load(next, 48);
  const a2 = v128.load(next2), b2 = v128.load(next2, 16), c2 = v128.load(next2, 32), e2 = v128.load(next2, 48);
  const a3 = v128.load(next3), b3 = v128.load(next3, 16), c3 = v128.load(next3, 32), e3 = v128.load(next3, 48);
  const l0 = f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, e)), l1 = f32x4.pmin(f32x4.pmin(a1, b1), f32x4.pmin(c1, e1));
  const l2 = f32x4.pmin(f32x4.pmin(a2, b2), f32x4.pmin(c2, e2)), l3 = f32x4.pmin(f32x4.pmin(a3, b3), f32x4.pmin(c3, e3));
  const h0 = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, e)), h1 = f32x4.pmax(f32x4.pmax(a1, b1), f32x4.pmax(c1, e1));
  const h2 = f32x4.pmax(f32x4.pmax(a2, b2), f32x4.pmax(c2, e2)), h3 = f32x4.pmax(f32x4.pmax(a3, b3), f32x4.pmax(c3, e3));
  // Halves of two leaves in a vector, then quarters of four.
  const l01 = f32x4.pmin(v128.shuffle<i32>(l0, l1, 0, 4, 1, 5), v128.shuffle<i32>(l0, l1, 2, 6, 3, 7));
  const l23 = f32x4.pmin(v128.shuffle<i32>(l2, l3, 0, 4, 1, 5), v128.shuffle<i32>(l2, l3, 2, 6, 3, 7));
  const h01 = f32x4.pmax(v128.shuffle<i32>(h0, h1, 0, 4, 1, 5), v128.shuffle<i32>(h0, h1, 2, 6, 3, 7));
  const h23 = f32x4.pmax(v128.shuffle<i32>(h2, h3, 0, 4, 1, 5), v128.shuffle<i32>(h2, h3, 2, 6, 3, 7));
  v128.store(box, f32x4.pmin(v128.shuffle<i32>(l01, l23, 0, 1, 4, 5), v128.shuffle<i32>(l01, l23, 2, 3, 6, 7)));
  v128.store(box, f32x4.pmax(v128.shuffle<i32>(h01, h23, 0, 1, 4, 5), v128.shuffle<i32>(h01, h23, 2, 3, 6, 7)), 16);
}

/** The boxes around every 16 of `count` boxes. In a vector, boxes behind the last are copies of it. */
function boxesAround(count: i32, d: i32, inner: usize, outer: usize): void {
  const size = <usize>d * 32;
  const vectors = quads(count);
  const all = quads(count + FAN - 1 >> 4) << 2;
  for (let box = 0; box < all; box++) {
    const first = min(box << 2, (vectors - 1) & ~3);
    const last = min(first + 4, vectors);
    const to = outer + <usize>(box >> 2) * size + (<usize>(box & 3) << 2);
    for (let side: usize = 0; side < size; side += 32) {
      let low = v128.load(inner + <usize>first * size + side), high = v128.load(inner + <usize>first * size + side, 16);
      for (let vector = first + 1; vector < last; vector++) {
        const from = inner + <usize>vector * size + side;
        low = f32x4.pmin(low, v128.load(from));
        high = f32x4.pmax(high, v128.load(from, 16));
      }
      store<f32>(to + side, minLane(low));
      store<f32>(to + side, maxLane(high), 16);
    }
  }
}

/** The boxes around leaves, branches and limbs. */
export function boxes(count: i32, d: i32, tree: usize): void {
  const leaves = leafCount(count);
  const branches = branchCount(count);
  const leafBoxes = tree + leafBoxOffset(count, d);
  const branchBoxes = tree + branchBoxOffset(count, d);
  const bytes = <usize>d * 64;
  const last = tree + <usize>(leaves - 1) * bytes;
  for (let leaf = 0; leaf < leaves; leaf += 4) {
    const block = tree + <usize>leaf * bytes;
    const next = min(block + bytes, last), next2 = min(block + bytes * 2, last), next3 = min(block + bytes * 3, last);
    const box = leafBoxes + <usize>(leaf >> 2) * d * 32;
    for (let i = 0; i < d; i++) {
      const column = <usize>i << 6;
      leafSides(block + column, next + column, next2 + column, next3 + column, box + <usize>i * 32);
    }
  }
  // The last branch's vectors of leaves that do not exist are read, but not used.
  const used = <usize>quads(leaves) * d * 32;
  memory.fill(leafBoxes + used, 0, <usize>branches * 4 * d * 32 - used);
  boxesAround(leaves, d, leafBoxes, branchBoxes);
  if (branches > FAN) boxesAround(branches, d, branchBoxes, tree + limbBoxOffset(count, d));
}

/**
 * codes [count][d] f32 -> a tree that is split down to at most `leafSize` codes (16: the finest).
 * 12 bytes behind the codes must be readable.
 */
export function buildTree(codes: usize, count: i32, d: i32, tree: usize, leafSize: i32): void {
  buildTop(codes, count, d, tree, 0);
  buildPart(count, d, tree, leafSize, 0, 0);
  boxes(count, d, tree);
}

@inline function sortScratch(count: i32, d: i32, tree: usize): usize { return (tree + scratchOffset(count, d) + 63) & ~63; }

/**
 * The steps of `buildTree`, for several threads with trees of their own: the codes in 2^levels parts
 * (`partStart`); then the leaves of one part, which may be copied to and from
 * another thread's tree; then `boxes` once all leaves are there.
 */
export function buildTop(codes: usize, count: i32, d: i32, tree: usize, levels: i32): void {
  sortTop(codes, count, d, levels, sortScratch(count, d, tree));
}
export function buildPart(count: i32, d: i32, tree: usize, leafSize: i32, levels: i32, part: i32): void {
  sortPart(count, d, levels, part, tree, tree + idsOffset(count, d), leafSize, sortScratch(count, d, tree));
}

/**
 * The same with the leaves of an older tree of as many codes (its ids). Exact for any codes, fast
 * while they have moved little.
 */
export function refitTree(codes: usize, count: i32, d: i32, tree: usize, ids: usize): void {
  pack(codes, count, d, tree, ids);
  boxes(count, d, tree);
}

/**
 * codes [count][d] f32 -> the same layout in the codes' own order and without boxes, for
 * `searchAll`.
 */
export function packCodes(codes: usize, count: i32, d: i32, tree: usize): void {
  pack(codes, count, d, tree, 0);
}

/** The offset of a tree's ids [count] i32: the codes in the order of the leaves. */
export function idsAt(count: i32, d: i32): usize {
  return idsOffset(count, d);
}
