// Compares every pair, for dimensions where boxes prune little (AssemblyScript). 16-bit integers
// filter the codes first, float32 decides.
//
// Codes and queries are rounded to a grid of step s around the middle m of the codes. With
// x = m + s X + e and c = m + s C + f: |x - c| >= s |X - C| - |e| - |f|.
// |X - C|^2 = |C|^2 - 2 X.C + |X|^2 is exact in 32-bit integers, eight products to an instruction.
// A code is compared in float32, by the definition, unless that bound exceeds the best distance so
// far by more than the rounding of both. So answers are exact for any values. Values
// with a range far above their distances only make the search slow.
//
// Layout (bytes): shorts [leaves][pairs][16][2] i16 | squares [leaves][16] i32 | middle [d] f32,
// then step f64 and error f64, aligned.
// A query: [pairs][2] i16 of -2 X | |X|^2 i32 | padding | |e| f64.

import { codeDistance } from "./distance";

@inline function pairsOf(d: i32): i32 { return (d + 1) >> 1; }
@inline function leavesOf(codes: i32): i32 { return (codes + 15) >> 4; }
@inline function squaresOffset(codes: i32, d: i32): usize { return <usize>leavesOf(codes) * pairsOf(d) * 64; }
@inline function middleOffset(codes: i32, d: i32): usize { return squaresOffset(codes, d) + <usize>leavesOf(codes) * 64; }
@inline function stepOffset(codes: i32, d: i32): usize { return middleOffset(codes, d) + (<usize>(d + 1) >> 1 << 3); }
@inline function errorAt(d: i32): usize { return (<usize>pairsOf(d) * 4 + 4 + 7) & ~7; }

/** Bytes of the packed codes, and of one prepared query. */
export function int16Bytes(codes: i32, d: i32): usize { return stepOffset(codes, d) + 16; }
export function int16QueryBytes(d: i32): usize { return errorAt(d) + 8; }

/** The largest grid coordinate: |C|^2 - 2 X.C must fit 32 bits, and 2 X 16 bits. */
@inline function reach(d: i32): f64 { return min(16000.0, floor(sqrt(2147483647.0 / (3.0 * <f64>d)))); }

@inline function rounded(value: f64, limit: f64): i32 { return <i32>nearest(max(-limit, min(limit, value))); }

/** codes [count][d] f32 -> packed at `to`. */
export function int16Pack(codes: usize, count: i32, d: i32, to: usize): void {
  const middle = to + middleOffset(count, d);
  const limit = reach(d);
  let range: f64 = 0;
  for (let i = 0; i < d; i++) {
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
  const step = range > 0 ? range / limit : 1.0;
  const pairs = pairsOf(d);
  const perStep = 1 / step;
  let worst: f64 = 0;
  memory.fill(to, 0, squaresOffset(count, d));
  for (let slot = 0; slot < leavesOf(count) * 16; slot++) {
    const block = to + <usize>(slot >> 4) * pairs * 64 + <usize>(slot & 15) * 4;
    const square = to + squaresOffset(count, d) + (<usize>slot << 2);
    if (slot >= count) {
      store<i32>(square, i32.MAX_VALUE); // with coordinates of zero: filtered out while anything is, else skipped below
      continue;
    }
    let sum = 0;
    let off: f64 = 0;
    for (let i = 0; i < d; i++) {
      const value = <f64>load<f32>(codes + (<usize>slot * d + i) * 4) - <f64>load<f32>(middle + (<usize>i << 2));
      const grid = rounded(value * perStep, limit);
      const rest = value - step * <f64>grid;
      off += rest * rest;
      sum += grid * grid;
      store<i16>(block + <usize>(i >> 1) * 64 + <usize>(i & 1) * 2, <i16>grid);
    }
    store<i32>(square, sum);
    worst = max(worst, off);
  }
  store<f64>(to + stepOffset(count, d), step);
  store<f64>(to + stepOffset(count, d), sqrt(worst) * (1 + 1e-9), 8);
}

/**
 * queries [n][d] f32 -> prepared queries at `to`. With `guessed`, the distances become those to the
 * codes in `out`; else Infinity, and `out` code 0.
 */
export function int16Queries(packed: usize, codes: usize, count: i32, d: i32, queries: usize, n: i32, to: usize, out: usize, outDistances: usize, guessed: bool): void {
  const middle = packed + middleOffset(count, d);
  const step = load<f64>(packed + stepOffset(count, d));
  const perStep = 1 / step;
  const limit = reach(d);
  const bytes = int16QueryBytes(d);
  for (let k = 0; k < n; k++) {
    const query = queries + <usize>k * d * 4;
    const at = to + <usize>k * bytes;
    let sum = 0;
    let off: f64 = 0;
    memory.fill(at, 0, bytes);
    for (let i = 0; i < d; i++) {
      const value = <f64>load<f32>(query + (<usize>i << 2)) - <f64>load<f32>(middle + (<usize>i << 2));
      const grid = rounded(value * perStep, limit);
      const rest = value - step * <f64>grid;
      off += rest * rest;
      sum += grid * grid;
      store<i16>(at + (<usize>i << 1), <i16>(-2 * grid));
    }
    store<i32>(at + <usize>pairsOf(d) * 4, sum);
    store<f64>(at + errorAt(d), sqrt(off) * (1 + 1e-9));
    let best: f32 = Infinity;
    if (guessed) best = codeDistance(d, query, codes + <usize>load<i32>(out + (<usize>k << 2)) * d * 4);
    else store<i32>(out + (<usize>k << 2), 0);
    store<f32>(outDistances + (<usize>k << 2), best);
  }
}

/** The largest |C|^2 - 2 X.C that may still belong to a code as near as `best`. */
@inline function threshold(best: f32, d: i32, step: f64, error: f64, square: i32): v128 {
  const slack = 1e-5 + <f64>d * 2.4e-7;
  const reached = (sqrt(<f64>best * (1 + slack) + <f64>d * 1e-44) + error) / step;
  return i32x4.splat(<i32>max(-2147483648.0, min(2147483647.0, reached * reached * (1 + 1e-9) - <f64>square + 1)));
}

@inline function lanesUpTo(s0: v128, s1: v128, s2: v128, s3: v128, limit: v128): i32 {
  return i32x4.bitmask(i32x4.le_s(s0, limit)) | (i32x4.bitmask(i32x4.le_s(s1, limit)) << 4)
    | (i32x4.bitmask(i32x4.le_s(s2, limit)) << 8) | (i32x4.bitmask(i32x4.le_s(s3, limit)) << 12);
}

/**
 * Compares every query with the codes of leaves [first, last), starting from the answers in `out`
 * and `outDistances`. To be called with tiles of leaves.
 */
export function int16Search(packed: usize, codes: usize, count: i32, d: i32, queries: usize, prepared: usize, n: i32, out: usize, outDistances: usize, first: i32, last: i32): void {
  const step = load<f64>(packed + stepOffset(count, d));
  const codeError = load<f64>(packed + stepOffset(count, d), 8);
  const squares = packed + squaresOffset(count, d);
  const pairs = pairsOf(d);
  const bytes = int16QueryBytes(d);
  for (let k = 0; k < n; k++) {
    const query = queries + <usize>k * d * 4;
    const at = prepared + <usize>k * bytes;
    const end = at + <usize>pairs * 4;
    const square = load<i32>(end);
    const error = load<f64>(at + errorAt(d)) + codeError;
    let best = load<f32>(outDistances + (<usize>k << 2));
    let bestId = load<i32>(out + (<usize>k << 2));
    let limit = threshold(best, d, step, error, square);
    let block = packed + <usize>first * pairs * 64;
    for (let leaf = first; leaf < last; leaf++) {
      const own = squares + (<usize>leaf << 6);
      let s0 = v128.load(own), s1 = v128.load(own, 16), s2 = v128.load(own, 32), s3 = v128.load(own, 48);
      for (let p = at; p < end; p += 4) {
        const q = v128.load32_splat(p);
        s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load(block), q));
        s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load(block, 16), q));
        s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v128.load(block, 32), q));
        s3 = i32x4.add(s3, i32x4.dot_i16x8_s(v128.load(block, 48), q));
        block += 64;
      }
      const minimum = i32x4.min_s(i32x4.min_s(s0, s1), i32x4.min_s(s2, s3));
      if (!v128.any_true(i32x4.le_s(minimum, limit))) continue;
      // The most promising first: it mostly rules the others out.
      let half = i32x4.min_s(minimum, v128.shuffle<i32>(minimum, minimum, 2, 3, 0, 1));
      half = i32x4.min_s(half, v128.shuffle<i32>(half, half, 1, 0, 3, 2));
      let lanes = lanesUpTo(s0, s1, s2, s3, half);
      let seen = 0;
      while (lanes) {
        const lane = ctz(lanes);
        seen |= 1 << lane;
        const id = (leaf << 4) + lane;
        if (id < count) {
          const distance = codeDistance(d, query, codes + <usize>id * d * 4);
          if (distance < best) limit = threshold(distance, d, step, error, square);
          if (distance < best || (distance === best && id < bestId)) {
            best = distance;
            bestId = id;
          }
        }
        lanes = lanesUpTo(s0, s1, s2, s3, limit) & ~seen;
      }
    }
    store<f32>(outDistances + (<usize>k << 2), best);
    store<i32>(out + (<usize>k << 2), bestId);
  }
}
