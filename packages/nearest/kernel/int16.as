// Compares every pair, for dimensions where boxes prune little (AssemblyScript). 16-bit integers
// filter the codes first, float32 decides.
//
// Codes and queries are rounded to a grid of step s around the middle m of the codes. With
// x = m + s X + e and c = m + s C + f: |x - c| lies within |e| + |f| of s |X - C|.
// |X - C|^2 = |C|^2 - 2 X.C + |X|^2 is exact in 32-bit integers, eight products to an instruction.
// Both bounds follow from the integer: one code's upper bound rules out every code whose lower
// bound is above it by more than the rounding of float32. The few codes that remain are listed and
// compared in float32, by the definition. So answers are exact for any values. Values with a range
// far above their distances only make the search slow.
//
// Two queries share every load of codes. More queries, or a longer loop body, are slower: V8 then
// keeps the sums in memory.
//
// Layout (bytes): shorts [leaves][pairs][16][2] i16 | squares [leaves][16] i32 | middle [d] f32,
// then step f64 and error f64, aligned.
// Two prepared queries: [pairs][2 queries][2] i16 of -2 X, then of each query: |X|^2 i32 | limit i32
// | |e| f64 | listed i32 | padding | list [24] of code i32 and its integer i32.

import { codeDistance } from "./distance";

/** Candidates that a query's list holds. */
const LISTED: i32 = 24;
const RECORD: usize = 24 + 24 * 8;

@inline function pairsOf(d: i32): i32 { return (d + 1) >> 1; }
@inline function leavesOf(codes: i32): i32 { return (codes + 15) >> 4; }
@inline function squaresOffset(codes: i32, d: i32): usize { return <usize>leavesOf(codes) * pairsOf(d) * 64; }
@inline function middleOffset(codes: i32, d: i32): usize { return squaresOffset(codes, d) + <usize>leavesOf(codes) * 64; }
@inline function stepOffset(codes: i32, d: i32): usize { return middleOffset(codes, d) + (<usize>(d + 1) >> 1 << 3); }
@inline function twoBytes(d: i32): usize { return <usize>pairsOf(d) * 8 + 2 * RECORD; }
@inline function recordAt(d: i32, prepared: usize, k: i32): usize {
  return prepared + <usize>(k >> 1) * twoBytes(d) + <usize>pairsOf(d) * 8 + <usize>(k & 1) * RECORD;
}

/** Bytes of the packed codes, and of n prepared queries with 128 bytes of scratch before them. */
export function int16Bytes(codes: i32, d: i32): usize { return stepOffset(codes, d) + 16; }
export function int16QueryBytes(n: i32, d: i32): usize { return 128 + <usize>((n + 1) >> 1) * twoBytes(d); }

/** The largest grid coordinate: |C|^2 - 2 X.C must fit 32 bits, and 2 X 16 bits. */
@inline function reach(d: i32): f64 { return min(16000.0, floor(sqrt(2147483647.0 / (3.0 * <f64>d)))); }

@inline function rounded(value: f64, limit: f64): i32 { return <i32>nearest(max(-limit, min(limit, value))); }

let off: f64 = 0;
let square: i32 = 0;

/**
 * Rounds a row [d] f32 to the grid and stores pairs of coordinates times `factor`, `stride` bytes
 * apart. Leaves |X|^2 in `square` and |e|^2 in `off`.
 */
@inline function roundRow(row: usize, middle: usize, d: i32, step: f64, limit: f64, factor: i32, to: usize, stride: usize): void {
  const perStep = f64x2.splat(1 / step), steps = f64x2.splat(step), high = f64x2.splat(limit), low = f64x2.splat(-limit);
  let offs = f64x2.splat(0);
  let squares = i32x4.splat(0);
  let i = 0;
  for (; i + 4 <= d; i += 4) {
    const values = v128.load(row + (<usize>i << 2)), middles = v128.load(middle + (<usize>i << 2));
    const a = f64x2.sub(f64x2.promote_low_f32x4(values), f64x2.promote_low_f32x4(middles));
    const b = f64x2.sub(
      f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 1)),
      f64x2.promote_low_f32x4(v128.shuffle<i64>(middles, middles, 1, 1)),
    );
    const gridA = f64x2.nearest(f64x2.pmax(f64x2.pmin(f64x2.mul(a, perStep), high), low));
    const gridB = f64x2.nearest(f64x2.pmax(f64x2.pmin(f64x2.mul(b, perStep), high), low));
    const restA = f64x2.sub(a, f64x2.mul(steps, gridA)), restB = f64x2.sub(b, f64x2.mul(steps, gridB));
    offs = f64x2.add(offs, f64x2.add(f64x2.mul(restA, restA), f64x2.mul(restB, restB)));
    const grid = v128.shuffle<i64>(i32x4.trunc_sat_f64x2_s_zero(gridA), i32x4.trunc_sat_f64x2_s_zero(gridB), 0, 2);
    squares = i32x4.add(squares, i32x4.mul(grid, grid));
    const shorts = i16x8.narrow_i32x4_s(i32x4.mul(grid, i32x4.splat(factor)), grid);
    const at = to + <usize>(i >> 1) * stride;
    store<i32>(at, i32x4.extract_lane(shorts, 0));
    store<i32>(at + stride, i32x4.extract_lane(shorts, 1));
  }
  square = i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1) + i32x4.extract_lane(squares, 2) + i32x4.extract_lane(squares, 3);
  off = f64x2.extract_lane(offs, 0) + f64x2.extract_lane(offs, 1);
  for (; i < d; i++) {
    const value = <f64>load<f32>(row + (<usize>i << 2)) - <f64>load<f32>(middle + (<usize>i << 2));
    const grid = rounded(value * (1 / step), limit);
    const rest = value - step * <f64>grid;
    off += rest * rest;
    square += grid * grid;
    store<i16>(to + <usize>(i >> 1) * stride + <usize>(i & 1) * 2, <i16>(factor * grid));
  }
  if (d & 1) store<i16>(to + <usize>(d >> 1) * stride + 2, 0);
}

/** Of the two lower lanes. */
@inline function halfRange(low: v128, high: v128, centre: v128): f64 {
  const c = f64x2.promote_low_f32x4(centre);
  const side = f64x2.pmax(f64x2.sub(f64x2.promote_low_f32x4(high), c), f64x2.sub(c, f64x2.promote_low_f32x4(low)));
  return max(f64x2.extract_lane(side, 0), f64x2.extract_lane(side, 1));
}

/** The middle of the codes' range in every dimension -> middle [d]. Returns the largest half range. */
function rangeOf(codes: usize, count: i32, d: i32, middle: usize): f64 {
  let range: f64 = 0;
  let i = 0;
  for (; i + 4 <= d; i += 4) {
    let low = f32x4.splat(Infinity), high = f32x4.splat(-Infinity);
    const end = codes + <usize>count * d * 4;
    for (let at = codes + (<usize>i << 2); at < end; at += <usize>d * 4) {
      const values = v128.load(at);
      low = f32x4.pmin(low, values);
      high = f32x4.pmax(high, values);
    }
    const half = f32x4.splat(0.5);
    const centre = f32x4.add(f32x4.mul(low, half), f32x4.mul(high, half));
    v128.store(middle + (<usize>i << 2), centre);
    const upperLow = v128.shuffle<i64>(low, low, 1, 1), upperHigh = v128.shuffle<i64>(high, high, 1, 1);
    range = max(range, halfRange(low, high, centre));
    range = max(range, halfRange(upperLow, upperHigh, v128.shuffle<i64>(centre, centre, 1, 1)));
  }
  for (; i < d; i++) {
    let low: f32 = Infinity, high: f32 = -Infinity;
    for (let k = 0; k < count; k++) {
      const value = load<f32>(codes + (<usize>k * d + i) * 4);
      low = min(low, value);
      high = max(high, value);
    }
    const centre = low * 0.5 + high * 0.5;
    store<f32>(middle + (<usize>i << 2), centre);
    range = max(range, max(<f64>high - <f64>centre, <f64>centre - <f64>low));
  }
  return range;
}

/** codes [count][d] f32 -> packed at `to`. */
export function int16Pack(codes: usize, count: i32, d: i32, to: usize): void {
  const middle = to + middleOffset(count, d);
  const limit = reach(d);
  const range = rangeOf(codes, count, d, middle);
  const step = range > 0 ? range / limit : 1.0;
  const pairs = pairsOf(d);
  let worst: f64 = 0;
  for (let slot = 0; slot < leavesOf(count) * 16; slot++) {
    const block = to + <usize>(slot >> 4) * pairs * 64 + <usize>(slot & 15) * 4;
    const at = to + squaresOffset(count, d) + (<usize>slot << 2);
    if (slot >= count) {
      // Coordinates of zero: filtered out while anything is, else skipped below.
      for (let i = 0; i < pairs; i++) store<i32>(block + <usize>i * 64, 0);
      store<i32>(at, i32.MAX_VALUE);
      continue;
    }
    roundRow(codes + <usize>slot * d * 4, middle, d, step, limit, 1, block, 64);
    store<i32>(at, square);
    worst = max(worst, off);
  }
  store<f64>(to + stepOffset(count, d), step);
  store<f64>(to + stepOffset(count, d), sqrt(worst) * (1 + 1e-9), 8);
}

/** The largest |C|^2 - 2 X.C that may still belong to a code as near as `best`. */
function limitOf(best: f64, d: i32, step: f64, error: f64, ownSquare: i32): i32 {
  if (best > 3.4e38) return i32.MAX_VALUE; // infinite distances tie
  const slack = 1e-5 + <f64>d * 2.4e-7;
  const reached = (sqrt(best * (1 + slack) + <f64>d * 1e-44) + error) / step;
  return <i32>max(-2147483648.0, min(2147483647.0, reached * reached * (1 + 1e-9) - <f64>ownSquare + 1));
}

/**
 * queries [n][d] f32 -> prepared queries at `to`. With `guessed`, the distances become those to the
 * codes in `out`; else Infinity, and `out` code 0.
 */
export function int16Queries(packed: usize, codes: usize, count: i32, d: i32, queries: usize, n: i32, to: usize, out: usize, outDistances: usize, guessed: bool): void {
  const middle = packed + middleOffset(count, d);
  const step = load<f64>(packed + stepOffset(count, d));
  const codeError = load<f64>(packed + stepOffset(count, d), 8);
  const limit = reach(d);
  const prepared = to + 128;
  for (let k = 0; k < n; k++) {
    const query = queries + <usize>k * d * 4;
    const record = recordAt(d, prepared, k);
    roundRow(query, middle, d, step, limit, -2, prepared + <usize>(k >> 1) * twoBytes(d) + <usize>(k & 1) * 4, 8);
    const error = sqrt(off) * (1 + 1e-9) + codeError;
    store<i32>(record, square);
    store<f64>(record, error, 8);
    store<i32>(record, 0, 16);
    let best: f32 = Infinity;
    if (guessed) best = codeDistance(d, query, codes + <usize>load<i32>(out + (<usize>k << 2)) * d * 4);
    else store<i32>(out + (<usize>k << 2), 0);
    store<i32>(record, limitOf(best, d, step, error, square), 4);
    store<f32>(outDistances + (<usize>k << 2), best);
  }
  if (n & 1) {
    // The missing partner: coordinates of zero, no candidates.
    const at = prepared + <usize>(n >> 1) * twoBytes(d) + 4;
    for (let i = 0; i < pairsOf(d); i++) store<i32>(at + (<usize>i << 3), 0);
    store<i32>(recordAt(d, prepared, n), i32.MIN_VALUE, 4);
  }
}

/** Compares the listed candidates of query k in float32, and empties the list. */
function decide(packed: usize, codes: usize, count: i32, d: i32, queries: usize, record: usize, k: i32, out: usize, outDistances: usize): void {
  const listed = load<i32>(record, 16);
  let best = load<f32>(outDistances + (<usize>k << 2));
  let bestId = load<i32>(out + (<usize>k << 2));
  let limit = load<i32>(record, 4);
  for (let at = record + 24; at < record + 24 + (<usize>listed << 3); at += 8) {
    if (load<i32>(at, 4) > limit) continue;
    const id = load<i32>(at);
    const distance = codeDistance(d, queries + <usize>k * d * 4, codes + <usize>id * d * 4);
    if (distance < best) {
      const step = load<f64>(packed + stepOffset(count, d));
      limit = min(limit, limitOf(distance, d, step, load<f64>(record, 8), load<i32>(record)));
    }
    if (distance < best || (distance === best && id < bestId)) {
      best = distance;
      bestId = id;
    }
  }
  store<i32>(record, limit, 4);
  store<i32>(record, 0, 16);
  store<f32>(outDistances + (<usize>k << 2), best);
  store<i32>(out + (<usize>k << 2), bestId);
}

/** Lists the codes of a leaf that may be nearest to query k, from their integers sums [16] i32. */
function examine(packed: usize, codes: usize, count: i32, d: i32, queries: usize, record: usize, k: i32, out: usize, outDistances: usize, leaf: i32, sums: usize): void {
  const s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48);
  let least = i32x4.min_s(i32x4.min_s(s0, s1), i32x4.min_s(s2, s3));
  least = i32x4.min_s(least, v128.shuffle<i32>(least, least, 2, 3, 0, 1));
  least = i32x4.min_s(least, v128.shuffle<i32>(least, least, 1, 0, 3, 2));
  const value = i32x4.extract_lane(least, 0);
  let limit = load<i32>(record, 4);
  if (value > limit) return;
  const step = load<f64>(packed + stepOffset(count, d));
  const error = load<f64>(record, 8);
  const ownSquare = load<i32>(record);
  const most = step * sqrt(<f64>value + <f64>ownSquare) + error;
  const slack = 1e-5 + <f64>d * 2.4e-7;
  limit = min(limit, limitOf(most * most * (1 + slack) + <f64>d * 1e-44, d, step, error, ownSquare));
  store<i32>(record, limit, 4);
  const limits = i32x4.splat(limit);
  let lanes = i32x4.bitmask(i32x4.le_s(s0, limits)) | (i32x4.bitmask(i32x4.le_s(s1, limits)) << 4)
    | (i32x4.bitmask(i32x4.le_s(s2, limits)) << 8) | (i32x4.bitmask(i32x4.le_s(s3, limits)) << 12);
  while (lanes) {
    const lane = ctz(lanes);
    lanes &= lanes - 1;
    const id = (leaf << 4) + lane;
    if (id >= count) break;
    if (load<i32>(record, 16) === LISTED) decide(packed, codes, count, d, queries, record, k, out, outDistances);
    const listed = load<i32>(record, 16);
    const to = record + 24 + (<usize>listed << 3);
    store<i32>(to, id);
    store<i32>(to, load<i32>(sums + (<usize>lane << 2)), 4);
    store<i32>(record, listed + 1, 16);
  }
}

/**
 * Compares every query with the codes of leaves [first, last), starting from the answers in `out`
 * and `outDistances`. To be called with tiles of leaves; the answers are complete after the last.
 */
export function int16Search(packed: usize, codes: usize, count: i32, d: i32, queries: usize, scratch: usize, n: i32, out: usize, outDistances: usize, first: i32, last: i32): void {
  const squares = packed + squaresOffset(count, d);
  const pairs = pairsOf(d);
  const bytes = twoBytes(d);
  for (let k = 0; k < n; k += 2) {
    const at = scratch + 128 + <usize>(k >> 1) * bytes;
    const end = at + <usize>pairs * 8;
    let limit = v128.load32_splat(end, 4);
    let limit1 = v128.load32_splat(end + RECORD, 4);
    let block = packed + <usize>first * pairs * 64;
    for (let leaf = first; leaf < last; leaf++) {
      const own = squares + (<usize>leaf << 6);
      let s0 = v128.load(own), s1 = v128.load(own, 16), s2 = v128.load(own, 32), s3 = v128.load(own, 48);
      let t0 = s0, t1 = s1, t2 = s2, t3 = s3;
      for (let p = at; p < end; p += 8) {
        const q = v128.load32_splat(p), r = v128.load32_splat(p, 4);
        let c = v128.load(block);
        s0 = i32x4.add(s0, i32x4.dot_i16x8_s(c, q));
        t0 = i32x4.add(t0, i32x4.dot_i16x8_s(c, r));
        c = v128.load(block, 16);
        s1 = i32x4.add(s1, i32x4.dot_i16x8_s(c, q));
        t1 = i32x4.add(t1, i32x4.dot_i16x8_s(c, r));
        c = v128.load(block, 32);
        s2 = i32x4.add(s2, i32x4.dot_i16x8_s(c, q));
        t2 = i32x4.add(t2, i32x4.dot_i16x8_s(c, r));
        c = v128.load(block, 48);
        s3 = i32x4.add(s3, i32x4.dot_i16x8_s(c, q));
        t3 = i32x4.add(t3, i32x4.dot_i16x8_s(c, r));
        block += 64;
      }
      const near = i32x4.le_s(i32x4.min_s(i32x4.min_s(s0, s1), i32x4.min_s(s2, s3)), limit);
      const near1 = i32x4.le_s(i32x4.min_s(i32x4.min_s(t0, t1), i32x4.min_s(t2, t3)), limit1);
      if (!v128.any_true(v128.or(near, near1))) continue;
      v128.store(scratch, s0);
      v128.store(scratch, s1, 16);
      v128.store(scratch, s2, 32);
      v128.store(scratch, s3, 48);
      v128.store(scratch, t0, 64);
      v128.store(scratch, t1, 80);
      v128.store(scratch, t2, 96);
      v128.store(scratch, t3, 112);
      examine(packed, codes, count, d, queries, end, k, out, outDistances, leaf, scratch);
      if (k + 1 < n) examine(packed, codes, count, d, queries, end + RECORD, k + 1, out, outDistances, leaf, scratch + 64);
      limit = v128.load32_splat(end, 4);
      limit1 = v128.load32_splat(end + RECORD, 4);
    }
    if (last < leavesOf(count)) continue;
    decide(packed, codes, count, d, queries, end, k, out, outDistances);
    if (k + 1 < n) decide(packed, codes, count, d, queries, end + RECORD, k + 1, out, outDistances);
  }
}
