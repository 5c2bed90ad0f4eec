// The tree that search.as walks: codes in leaves of 16, sorted by a k-d tree (sort.as), with two
// levels of bounding boxes (AssemblyScript).
//
// Layout of a tree (bytes): blocks [leaves][d][16] f32 | ids [leaves][16] i32
// | leaf boxes [leaves/4][d][2][4] f32 | branch boxes [branches/4][d][2][4] f32 | scratch.

import { sortBytes, sortPart, sortTop } from "./sort";

export { partStart } from "./sort";

export const LEAF: i32 = 16;
export const FAN: i32 = 16;

@inline export function leafCount(codes: i32): i32 { return (codes + LEAF - 1) / LEAF; }
@inline export function branchCount(codes: i32): i32 { return (leafCount(codes) + FAN - 1) / FAN; }
@inline export function quads(count: i32): i32 { return (count + 3) >> 2; }

@inline export function idsOffset(codes: i32, d: i32): usize { return <usize>leafCount(codes) * d * 64; }
@inline export function leafBoxOffset(codes: i32, d: i32): usize { return idsOffset(codes, d) + <usize>leafCount(codes) * 64; }
@inline export function branchBoxOffset(codes: i32, d: i32): usize { return leafBoxOffset(codes, d) + <usize>branchCount(codes) * 4 * d * 32; }
@inline export function scratchOffset(codes: i32, d: i32): usize { return branchBoxOffset(codes, d) + <usize>quads(branchCount(codes)) * d * 32; }

/** Bytes of a tree, its scratch space for building included. */
export function treeBytes(codes: i32, d: i32): usize {
  const search = <usize>quads(branchCount(codes)) * 16 + 128;
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

/** The boxes around leaves and branches. */
export function boxes(count: i32, d: i32, tree: usize): void {
  const leaves = leafCount(count);
  const branches = branchCount(count);
  const leafBoxes = tree + leafBoxOffset(count, d);
  const branchBoxes = tree + branchBoxOffset(count, d);
  memory.fill(leafBoxes, 0, branches * 4 * d * 32);
  memory.fill(branchBoxes, 0, quads(branches) * d * 32);
  for (let leaf = 0; leaf < leaves; leaf++) {
    const block = tree + <usize>leaf * d * 64;
    const box = leafBoxes + <usize>(leaf >> 2) * d * 32 + (<usize>(leaf & 3) << 2);
    const branch = leaf / FAN;
    const around = branchBoxes + <usize>(branch >> 2) * d * 32 + (<usize>(branch & 3) << 2);
    const opens = leaf % FAN === 0;
    for (let i = 0; i < d; i++) {
      const column = block + (<usize>i << 6);
      const v0 = v128.load(column), v1 = v128.load(column, 16), v2 = v128.load(column, 32), v3 = v128.load(column, 48);
      const low = minLane(f32x4.pmin(f32x4.pmin(v0, v1), f32x4.pmin(v2, v3)));
      const high = maxLane(f32x4.pmax(f32x4.pmax(v0, v1), f32x4.pmax(v2, v3)));
      const side = <usize>i * 32;
      store<f32>(box + side, low);
      store<f32>(box + side, high, 16);
      if (opens || low < load<f32>(around + side)) store<f32>(around + side, low);
      if (opens || high > load<f32>(around + side, 16)) store<f32>(around + side, high, 16);
    }
  }
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
 * of more than 16 codes (`partStart`); then the leaves of one part, which may be copied to and from
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
