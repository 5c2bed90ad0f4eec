// The tree that search.as walks: codes in leaves of 16, sorted by a k-d tree, with two levels of
// bounding boxes (AssemblyScript).
//
// Layout of a tree (bytes): blocks [leaves][d][16] f32 | ids [leaves][16] i32
// | leaf boxes [leaves/4][d][2][4] f32 | branch boxes [branches/4][d][2][4] f32 | scratch.

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
  const build = <usize>codes * 8 + 64;
  return scratchOffset(codes, d) + (search > build ? search : build) + 16;
}

/** The float's bits as an integer of the same order. */
@inline function orderedBits(value: u32): u32 {
  return value ^ (<u32>(<i32>value >> 31) | 0x80000000);
}

/**
 * Makes keys[target] the key of that rank: smaller ones before it, larger ones after it. `last` is
 * exclusive. All keys differ. After Floyd and Rivest's SELECT (CACM 18, 1975): a sample gives a
 * pivot just beyond the target. The partition has no branches.
 */
function select(keys: usize, first: i32, last: i32, target: i32): void {
  while (last - first > 1) {
    const size = last - first;
    if (size > 600) {
      const n = <f64>size;
      const sample = 4 * sqrt(n);
      const rank = <f64>(target - first) / n;
      const margin = 0.5 * sqrt(0.7 * <f64>(32 - clz(size)) * sample * (1 - sample / n)) * (rank < 0.5 ? 1.0 : -1.0);
      const low = max(first, target - <i32>(rank * sample - margin));
      const high = min(last, target + <i32>((1 - rank) * sample + margin) + 1);
      if (low <= target && target < high) select(keys, low, high, target);
    }
    const at = keys + (<usize>target << 3);
    const pivot = load<u64>(at);
    store<u64>(at, load<u64>(keys + (<usize>first << 3)));
    store<u64>(keys + (<usize>first << 3), pivot);
    // keys[first] is the pivot; the smaller ones gather behind it.
    let slot = keys + (<usize>(first + 1) << 3);
    const end = keys + (<usize>last << 3);
    for (let from = slot; from < end; from += 8) {
      const value = load<u64>(from);
      store<u64>(from, load<u64>(slot));
      store<u64>(slot, value);
      slot += <usize>(value < pivot) << 3;
    }
    slot -= 8;
    store<u64>(keys + (<usize>first << 3), load<u64>(slot));
    store<u64>(slot, pivot);
    const rank = <i32>((slot - keys) >> 3);
    if (target < rank) last = rank;
    else if (target > rank) first = rank + 1;
    else return;
  }
}

/**
 * The dimension along which a sample of the codes keys[first, last) varies most. A poor choice
 * costs time, never exactness.
 */
function widestAxis(codes: usize, d: i32, keys: usize, first: i32, last: i32): i32 {
  const stride = max(1, (last - first) >> 6);
  let axis = 0;
  let widest: f32 = -1;
  for (let chunk = 0; chunk < d; chunk += 4) {
    let sum = f32x4.splat(0), squares = f32x4.splat(0);
    let count: f32 = 0;
    for (let k = first; k < last; k += stride) {
      const row = v128.load(codes + (<usize>load<u32>(keys + (<usize>k << 3)) * d + chunk) * 4);
      sum = f32x4.add(sum, row);
      squares = f32x4.add(squares, f32x4.mul(row, row));
      count += 1;
    }
    const variance = f32x4.sub(squares, f32x4.div(f32x4.mul(sum, sum), f32x4.splat(count)));
    const v0 = f32x4.extract_lane(variance, 0), v1 = f32x4.extract_lane(variance, 1);
    const v2 = f32x4.extract_lane(variance, 2), v3 = f32x4.extract_lane(variance, 3);
    if (v0 > widest) { widest = v0; axis = chunk; }
    if (chunk + 1 < d && v1 > widest) { widest = v1; axis = chunk + 1; }
    if (chunk + 2 < d && v2 > widest) { widest = v2; axis = chunk + 2; }
    if (chunk + 3 < d && v3 > widest) { widest = v3; axis = chunk + 3; }
  }
  return axis;
}

/**
 * Sorts the codes keys[first, last) (low words) into parts of at most `leafSize` codes. Each part
 * is halved along its widest dimension.
 */
function split(codes: usize, d: i32, keys: usize, first: i32, last: i32, leafSize: i32): void {
  while (last - first > leafSize) {
    const axis = widestAxis(codes, d, keys, first, last);
    for (let k = first; k < last; k++) {
      const id = load<u32>(keys + (<usize>k << 3));
      const value = load<u32>(codes + (<usize>id * d + axis) * 4);
      store<u64>(keys + (<usize>k << 3), (<u64>orderedBits(value) << 32) | <u64>id);
    }
    // Half of the leaves to either side, full ones; whole branches where there are enough.
    const leaves = leafCount(last - first);
    let half = (leaves + 1) >> 1;
    if (leaves > FAN) half = (half + FAN - 1) / FAN * FAN;
    const middle = first + half * LEAF;
    select(keys, first, last, middle);
    split(codes, d, keys, first, middle, leafSize);
    first = middle;
  }
}

/**
 * Copies codes into their leaves, 16 to a block. Copies of one of its codes fill up the last leaf.
 */
function pack(codes: usize, count: i32, d: i32, tree: usize, keys: usize, sorted: bool): void {
  const ids = tree + idsOffset(count, d);
  const leaves = leafCount(count);
  for (let leaf = 0; leaf < leaves; leaf++) {
    for (let lane = 0; lane < LEAF; lane++) {
      let k = leaf * LEAF + lane;
      if (k >= count) k = leaf * LEAF;
      const id = sorted ? load<u32>(keys + (<usize>k << 3)) : <u32>k;
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

function boxes(count: i32, d: i32, tree: usize): void {
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
  const keys = (tree + scratchOffset(count, d) + 15) & ~15;
  for (let k = 0; k < count; k++) store<u64>(keys + (<usize>k << 3), <u64>k);
  split(codes, d, keys, 0, count, leafSize);
  pack(codes, count, d, tree, keys, true);
  boxes(count, d, tree);
}

/**
 * The same with the leaves of an older tree of as many codes (its ids). Exact for any codes, fast
 * while they have moved little.
 */
export function refitTree(codes: usize, count: i32, d: i32, tree: usize, ids: usize): void {
  const keys = (tree + scratchOffset(count, d) + 15) & ~15;
  for (let k = 0; k < count; k++) store<u64>(keys + (<usize>k << 3), <u64>load<u32>(ids + (<usize>k << 2)));
  pack(codes, count, d, tree, keys, true);
  boxes(count, d, tree);
}

/**
 * codes [count][d] f32 -> the same layout in the codes' own order and without boxes, for
 * `searchAll`.
 */
export function packCodes(codes: usize, count: i32, d: i32, tree: usize): void {
  pack(codes, count, d, tree, 0, false);
}

/** The offset of a tree's ids [count] i32: the codes in the order of the leaves. */
export function idsAt(count: i32, d: i32): usize {
  return idsOffset(count, d);
}
