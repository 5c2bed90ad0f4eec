// Sorts codes into leaves of a k-d tree (AssemblyScript).
//
// The codes are kept in columns, one a dimension and one of ids, in two buffers. A part of the codes
// is halved along its widest dimension: four codes at a time move from one buffer to the other, the
// smaller ones to the front and the others to the back. Where to cut is found by counting.
//
// Buffer (bytes): columns [d] f32, ids i32, each `columnBytes` long.

import { FAN, LEAF, LIMB, leafCount } from "./layout";

/** An odd number of cache lines: equal places of two columns do not compete for the same cache set. */
@inline function columnBytes(count: i32): usize { return <usize>(leafCount(count) | 1) << 6; }
@inline function bufferBytes(count: i32, d: i32): usize { return columnBytes(count) * (d + 1); }

/** Bytes of scratch space of `sortCodes`. */
export function sortBytes(count: i32, d: i32): usize { return bufferBytes(count, d) * 2; }

/** For every set of four lanes, the bytes that move its lanes to the front and the others behind. */
const shuffles: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15,
  0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15,
  4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 12, 13, 14, 15,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  0, 1, 2, 3, 12, 13, 14, 15, 4, 5, 6, 7, 8, 9, 10, 11,
  4, 5, 6, 7, 12, 13, 14, 15, 0, 1, 2, 3, 8, 9, 10, 11,
  0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11,
  8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7,
  0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7,
  4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
], 16);

@inline function sumOfFloats(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

// The dimension that `chooseAxis` found, and the mean and deviation of its sample.
let axis: i32 = 0;
let mean: f32 = 0;
let deviation: f32 = 0;

/**
 * Finds the dimension along which a sample of n codes varies most. A poor choice costs time, never
 * exactness.
 */
function chooseAxis(from: usize, column: usize, d: i32, n: i32): void {
  const vectors = n >> 2;
  const step = <usize>max(1, vectors >> 4) << 4;
  const end = <usize>vectors << 4;
  let widest: f32 = -1;
  let shift: f32 = 0, total: f32 = 0;
  const sampled = <f32>((end + step - 1) / step * 4);
  axis = 0;
  for (let i = 0; i < d; i++) {
    const values = from + <usize>i * column;
    const origin = v128.load32_splat(values);
    let sum = f32x4.splat(0), squares = f32x4.splat(0);
    for (let at: usize = 0; at < end; at += step) {
      const x = f32x4.sub(v128.load(values + at), origin);
      sum = f32x4.add(sum, x);
      squares = f32x4.add(squares, f32x4.mul(x, x));
    }
    const all = sumOfFloats(sum);
    const variance = sumOfFloats(squares) - all * all / sampled;
    if (variance > widest) { widest = variance; axis = i; shift = f32x4.extract_lane(origin, 0); total = all; }
  }
  mean = shift + total / sampled;
  deviation = widest > 0 ? <f32>sqrt(widest / sampled) : 0;
}

/** How many of n values are below t. */
function countBelow(values: usize, n: i32, t: f32): i32 {
  const limit = f32x4.splat(t);
  let counts = i32x4.splat(0), more = counts;
  let at = values;
  const end = values + (<usize>n << 2);
  for (; at + 64 <= end; at += 64) {
    counts = i32x4.add(i32x4.add(counts, f32x4.lt(v128.load(at), limit)), f32x4.lt(v128.load(at, 16), limit));
    more = i32x4.add(i32x4.add(more, f32x4.lt(v128.load(at, 32), limit)), f32x4.lt(v128.load(at, 48), limit));
  }
  counts = i32x4.add(counts, more);
  counts = i32x4.add(counts, v128.shuffle<i32>(counts, counts, 2, 3, 0, 1));
  let below = -(i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1));
  for (; at < end; at += 4) below += <i32>(load<f32>(at) < t);
  return below;
}

/** A float's bits as an integer of the same order, and back. */
@inline function ordered(bits: i32): i32 { return bits ^ ((bits >> 31) & 0x7fffffff); }

// The cut that `findCut` found: values below `low` go to the front, and `fill` of those in [low, high).
let low: f32 = 0;
let high: f32 = 0;
let fill: i32 = 0;

/**
 * Finds a cut that leaves `half` of n values in front. Of many values, about one in 128 may be on
 * the wrong side.
 */
function findCut(values: usize, n: i32, half: i32): void {
  let below = 0, upTo = n;
  const slack = n >> 7;
  const slope = deviation * 2.5 / <f32>n; // of normal values around their mean
  let t = mean;
  low = -Infinity;
  high = Infinity;
  for (let round = 0; round < 40 && upTo - below > slack; round++) {
    if (!(t > low && t < high)) {
      const a = <i64>ordered(reinterpret<i32>(low)), b = <i64>ordered(reinterpret<i32>(high));
      const middle = <i32>((a + b) >> 1);
      if (<i64>middle === a) break; // no value between
      t = reinterpret<f32>(ordered(middle));
    }
    const count = countBelow(values, n, t);
    if (count === half) { low = t; high = t; below = half; break; }
    // The next t aims a little beyond, so that the cut lies between the two.
    let aim: f32;
    if (count < half) { low = t; below = count; aim = <f32>(half - count + (slack * 3 >> 3)); }
    else { high = t; upTo = count; aim = <f32>(half - count - (slack * 3 >> 3)); }
    if (round > 7) t = NaN; // halve the interval
    else if (below > 0 && upTo < n && low > -Infinity && high < Infinity) {
      t += (high - low) / <f32>(upTo - below) * aim;
    } else t += slope * aim;
  }
  fill = half - below;
}

@inline function move(from: usize, left: usize, right: usize, shuffle: v128): void {
  const four = i8x16.swizzle(v128.load(from), shuffle);
  v128.store(left, four);
  v128.store(right, four);
}

/**
 * Moves n codes from one buffer to the other, those in front of the cut first. The gap between both
 * sides is as wide as what remains to be moved: four lanes stored to either side never overwrite.
 */
@inline function partition(d: i32, dim: i32, from: usize, to: usize, column: usize, n: i32): void {
  const keys = from + <usize>axis * column;
  const limit = f32x4.splat(low), upper = f32x4.splat(high);
  let missing = fill;
  let left = to;
  let gap = <usize>n << 2;
  for (let at = <usize>(n & ~3) << 2; at < <usize>n << 2; at += 4) {
    const x = load<f32>(keys + at);
    let front = x < low;
    if (!front && missing > 0 && x < high) { front = true; missing--; }
    gap -= 4;
    const target = front ? left : left + gap;
    for (let i = 0; i <= dim; i++) store<u32>(target + <usize>i * column, load<u32>(from + at + <usize>i * column));
    if (front) left += 4;
  }
  for (let at = from; gap > 0; at += 16) {
    gap -= 16;
    const key = v128.load(at + <usize>axis * column);
    let lanes = i32x4.bitmask(f32x4.lt(key, limit));
    if (missing > 0) {
      let between = i32x4.bitmask(f32x4.lt(key, upper)) & ~lanes;
      while (between && missing > 0) {
        lanes |= between & -between;
        between &= between - 1;
        missing--;
      }
    }
    const shuffle = v128.load(shuffles + (<usize>lanes << 4));
    const right = left + gap;
    if (d === 4 || d === 8) {
      move(at, left, right, shuffle);
      move(at + column, left + column, right + column, shuffle);
      move(at + column * 2, left + column * 2, right + column * 2, shuffle);
      move(at + column * 3, left + column * 3, right + column * 3, shuffle);
      move(at + column * 4, left + column * 4, right + column * 4, shuffle);
      if (d === 8) {
        move(at + column * 5, left + column * 5, right + column * 5, shuffle);
        move(at + column * 6, left + column * 6, right + column * 6, shuffle);
        move(at + column * 7, left + column * 7, right + column * 7, shuffle);
        move(at + column * 8, left + column * 8, right + column * 8, shuffle);
      }
    } else {
      let offset: usize = 0;
      for (let i = 0; i <= dim; i++) {
        move(at + offset, left + offset, right + offset, shuffle);
        offset += column;
      }
    }
    left += <usize>popcnt(lanes) << 2;
  }
}

function partition4(from: usize, to: usize, column: usize, n: i32): void { partition(4, 4, from, to, column, n); }
function partition8(from: usize, to: usize, column: usize, n: i32): void { partition(8, 8, from, to, column, n); }
function partitionAny(d: i32, from: usize, to: usize, column: usize, n: i32): void { partition(0, d, from, to, column, n); }

/** Copies a leaf of n codes to its place. Copies of its first code fill it up. */
@inline function packLeaf(d: i32, from: usize, column: usize, n: i32, block: usize, ids: usize): void {
  for (let i = 0; i <= d; i++) {
    const values = from + <usize>i * column;
    const target = i < d ? block + (<usize>i << 6) : ids;
    v128.store(target, v128.load(values));
    v128.store(target, v128.load(values, 16), 16);
    v128.store(target, v128.load(values, 32), 32);
    v128.store(target, v128.load(values, 48), 48);
    for (let lane = n; lane < LEAF; lane++) store<u32>(target + (<usize>lane << 2), load<u32>(values));
  }
}

/**
 * Where a part of the codes is halved: at full leaves, at whole branches or limbs where there are
 * enough.
 */
@inline function middleOf(first: i32, last: i32): i32 {
  const leaves = leafCount(last - first);
  let half = (leaves + 1) >> 1;
  if (leaves > LIMB) half = (half + LIMB - 1) / LIMB * LIMB;
  else if (leaves > FAN) half = (half + FAN - 1) / FAN * FAN;
  return min(last, first + half * LEAF);
}

/** Halves the codes [first, last) along their widest dimension. They move to the other buffer. */
function halve(d: i32, from: usize, to: usize, column: usize, first: i32, last: i32): void {
  const n = last - first;
  const source = from + (<usize>first << 2), target = to + (<usize>first << 2);
  chooseAxis(source, column, d, n);
  findCut(source + <usize>axis * column, n, middleOf(first, last) - first);
  if (d === 4) partition4(source, target, column, n);
  else if (d === 8) partition8(source, target, column, n);
  else partitionAny(d, source, target, column, n);
}

function split(d: i32, from: usize, to: usize, column: usize, first: i32, last: i32, leafSize: i32, blocks: usize, ids: usize): void {
  if (last - first <= leafSize) {
    for (let k = first; k < last; k += LEAF) {
      packLeaf(d, from + (<usize>k << 2), column, min(LEAF, last - k), blocks + (<usize>k << 2) * d, ids + (<usize>k << 2));
    }
    return;
  }
  const middle = middleOf(first, last);
  halve(d, from, to, column, first, last);
  split(d, to, from, column, first, middle, leafSize, blocks, ids);
  split(d, to, from, column, middle, last, leafSize, blocks, ids);
}

/** codes [count][d] -> columns and ids */
function toColumns(codes: usize, count: i32, d: i32, to: usize, column: usize): void {
  const ids = to + <usize>d * column;
  for (let k = 0; k < count; k += 4) {
    v128.store(ids + (<usize>k << 2), i32x4.add(i32x4.splat(k), i32x4(0, 1, 2, 3)));
  }
  let i = 0;
  const row = <usize>d << 2;
  for (; i + 4 <= d; i += 4) {
    let from = codes + (<usize>i << 2);
    let target = to + <usize>i * column;
    const end = target + (<usize>(count & ~3) << 2);
    for (; target < end; target += 16) {
      const a = v128.load(from), b = v128.load(from + row), c = v128.load(from + row * 2), e = v128.load(from + row * 3);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), ce = v128.shuffle<i32>(c, e, 0, 4, 1, 5);
      const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), ce2 = v128.shuffle<i32>(c, e, 2, 6, 3, 7);
      v128.store(target, v128.shuffle<i32>(ab, ce, 0, 1, 4, 5));
      v128.store(target + column, v128.shuffle<i32>(ab, ce, 2, 3, 6, 7));
      v128.store(target + column * 2, v128.shuffle<i32>(ab2, ce2, 0, 1, 4, 5));
      v128.store(target + column * 3, v128.shuffle<i32>(ab2, ce2, 2, 3, 6, 7));
      from += row * 4;
    }
    for (let k = count & ~3; k < count; k++) {
      for (let j = 0; j < 4; j++) {
        store<f32>(to + <usize>(i + j) * column + (<usize>k << 2), load<f32>(codes + <usize>k * row + (<usize>(i + j) << 2)));
      }
    }
  }
  for (; i < d; i++) {
    const target = to + <usize>i * column;
    for (let k = 0; k < count; k++) store<f32>(target + (<usize>k << 2), load<f32>(codes + <usize>k * row + (<usize>i << 2)));
  }
}

/** The first code of a part, of the 2^levels parts that `sortTop` makes; `count` behind the last. */
export function partStart(count: i32, levels: i32, part: i32): i32 {
  if (part >> levels) return count;
  let first = 0, last = count;
  for (let level = levels - 1; level >= 0; level--) {
    const middle = middleOf(first, last);
    if ((part >> level) & 1) first = middle;
    else last = middle;
  }
  return first;
}

/** codes [count][d] f32 -> 2^levels parts in the scratch space. Some may be empty. */
export function sortTop(codes: usize, count: i32, d: i32, levels: i32, scratch: usize): void {
  const column = columnBytes(count);
  let from = scratch, to = scratch + bufferBytes(count, d);
  toColumns(codes, count, d, from, column);
  for (let level = 0; level < levels; level++) {
    for (let part = 0; part < 1 << level; part++) {
      halve(d, from, to, column, partStart(count, level, part), partStart(count, level, part + 1));
    }
    const other = from;
    from = to;
    to = other;
  }
}

/**
 * A part -> its place in blocks [leaves][d][16] f32 and ids [leaves][16] i32, split down to leaves of
 * at most `leafSize` codes (in units of 16).
 */
export function sortPart(count: i32, d: i32, levels: i32, part: i32, blocks: usize, ids: usize, leafSize: i32, scratch: usize): void {
  const other = scratch + bufferBytes(count, d);
  const even = (levels & 1) === 0;
  const first = partStart(count, levels, part), last = partStart(count, levels, part + 1);
  split(d, even ? scratch : other, even ? other : scratch, columnBytes(count), first, last, leafSize, blocks, ids);
}
