// The best path of an image through the trellis (Viterbi) in 128-bit SIMD (AssemblyScript).
// `build.js` compiles this file into src/kernel.generated.ts. src/search.ts is the same in plain
// TypeScript: every sum has the same order, so both find the same path.

const STATES: i32 = 256;
const WINDOWS: i32 = 512;
// Steps from one lowering of the costs to the next.
const LOWERED: i32 = 16;

@inline function splat(at: usize): v128 {
  return v128.load32_splat(at);
}

/** Squared distances of 4 columns to one vector. */
@inline function distances(entry: usize, row: usize, vector: i32, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  let d = f32x4.sub(x0, v128.load(entry));
  let sum = f32x4.mul(d, d);
  if (vector > 1) {
    d = f32x4.sub(x1, v128.load(entry + row));
    sum = f32x4.add(sum, f32x4.mul(d, d));
    if (vector > 2) {
      d = f32x4.sub(x2, v128.load(entry + 2 * row));
      sum = f32x4.add(sum, f32x4.mul(d, d));
      d = f32x4.sub(x3, v128.load(entry + 3 * row));
      sum = f32x4.add(sum, f32x4.mul(d, d));
    }
  }
  return sum;
}

/** Errors of 4 columns to one vector: the least of their branches, times the weight. Entries lie [element, column]. */
@inline function errorsOf(entry: usize, vector: i32, branches: i32, row: usize, x0: v128, x1: v128, x2: v128, x3: v128, weight: v128): v128 {
  const stride: usize = row * vector;
  let best = distances(entry, row, vector, x0, x1, x2, x3);
  for (let branch = 1; branch < branches; branch++) {
    entry += stride;
    best = f32x4.pmin(best, distances(entry, row, vector, x0, x1, x2, x3));
  }
  return f32x4.mul(best, weight);
}

/** Errors of all columns to one vector. */
@inline function measure(table: usize, vector: i32, branches: i32, columns: i32, at: usize, weight: v128, errors: usize): void {
  const x0 = splat(at);
  const x1 = vector > 1 ? splat(at + 4) : x0;
  const row: usize = 4 * columns;
  for (let column: usize = 0; column < row; column += 16)
    v128.store(errors + column, errorsOf(table + column, vector, branches, row, x0, x1, x0, x0, weight));
}

/** Adds errors to costs, keeps the better of the two ways into 8 states, and notes which it was. */
@inline function choose(state: usize, costs: usize, next: usize, back: usize, m0: v128, m1: v128, m2: v128, m3: v128): void {
  // Windows `state` and `state + 256` come from states `state / 2` and that plus 128.
  const low = v128.load(costs + 2 * state);
  const high = v128.load(costs + 2 * state, 4 * 128);
  const one0 = f32x4.add(v128.shuffle<i32>(low, low, 0, 0, 1, 1), m0);
  const one1 = f32x4.add(v128.shuffle<i32>(low, low, 2, 2, 3, 3), m1);
  const other0 = f32x4.add(v128.shuffle<i32>(high, high, 0, 0, 1, 1), m2);
  const other1 = f32x4.add(v128.shuffle<i32>(high, high, 2, 2, 3, 3), m3);
  v128.store(next + 4 * state, f32x4.pmin(one0, other0));
  v128.store(next + 4 * state, f32x4.pmin(one1, other1), 16);
  const isHigh = i16x8.narrow_i32x4_s(f32x4.lt(other0, one0), f32x4.lt(other1, one1));
  v128.store64_lane(back + state, i8x16.narrow_i16x8_s(isHigh, isHigh), 0);
}

/** A step whose windows have columns of their own: errors go straight into the choice. */
@inline function stepOfOwn(table: usize, vector: i32, branches: i32, at: usize, weight: v128, costs: usize, next: usize, back: usize): void {
  const x0 = splat(at);
  const x1 = vector > 1 ? splat(at + 4) : x0;
  const x2 = vector > 2 ? splat(at + 8) : x0;
  const x3 = vector > 2 ? splat(at + 12) : x0;
  const row: usize = 4 * WINDOWS;
  for (let state: usize = 0; state < <usize>STATES; state += 8) {
    const entry = table + 4 * state;
    choose(
      state, costs, next, back,
      errorsOf(entry, vector, branches, row, x0, x1, x2, x3, weight),
      errorsOf(entry + 16, vector, branches, row, x0, x1, x2, x3, weight),
      errorsOf(entry + 4 * STATES, vector, branches, row, x0, x1, x2, x3, weight),
      errorsOf(entry + 4 * STATES + 16, vector, branches, row, x0, x1, x2, x3, weight),
    );
  }
}

/** A step whose windows share columns. */
@inline function stepOfShared(metrics: usize, costs: usize, next: usize, back: usize): void {
  for (let state: usize = 0; state < <usize>STATES; state += 8) {
    const own = metrics + 4 * state;
    choose(
      state, costs, next, back,
      v128.load(own), v128.load(own, 16), v128.load(own, 4 * STATES), v128.load(own, 4 * STATES + 16),
    );
  }
}

/** Takes the least cost from all: they stay small, and small float32 are exact enough. */
function lower(costs: usize): void {
  let least = v128.load(costs);
  for (let at: usize = 16; at < 4 * STATES; at += 16) least = f32x4.pmin(least, v128.load(costs + at));
  let lowest = f32x4.extract_lane(least, 0);
  lowest = min(lowest, f32x4.extract_lane(least, 1));
  lowest = min(lowest, f32x4.extract_lane(least, 2));
  lowest = min(lowest, f32x4.extract_lane(least, 3));
  const base = f32x4.splat(lowest);
  for (let at: usize = 0; at < 4 * STATES; at += 16) v128.store(costs + at, f32x4.sub(v128.load(costs + at), base));
}

/** The branch of a column that is nearest to a vector; the first of equals. */
function nearestBranch(table: usize, vector: i32, branches: i32, at: usize, columns: i32): i32 {
  let least: f32 = f32.MAX_VALUE;
  let nearest = 0;
  for (let branch = 0; branch < branches; branch++) {
    let sum: f32 = 0;
    for (let i = 0; i < vector; i++) {
      const d = load<f32>(at + 4 * i) - load<f32>(table + 4 * columns * (branch * vector + i));
      sum += d * d;
    }
    if (sum >= least) continue;
    least = sum;
    nearest = branch;
  }
  return nearest;
}

/**
 * @param steps records of 8 int32: byte offset of the table, elements of a vector, branches, first value,
 *   columns of the table (512: a window is a column)
 * @param weights of the coefficients' squared errors; a step has that of its first
 * @param scratch 2 x 512 errors, 2 x 256 costs; 16-byte aligned
 * @param columnOf where there are fewer columns: the one of every window, bytes
 * @param back one byte a step and state: not 0 where the best way comes from a state above 127
 * @param found one int32 a step: window + 512 * branch
 */
export function viterbi(count: i32, steps: usize, tables: usize, values: usize, weights: usize, scratch: usize, columnOf: usize, back: usize, found: usize): void {
  const metrics = scratch;
  const ofColumns = scratch + 4 * WINDOWS;
  let costs = scratch + 8 * WINDOWS;
  let next = costs + 4 * STATES;
  for (let i = 0; i < STATES; i++) store<f32>(costs + 4 * i, f32.MAX_VALUE);
  store<f32>(costs, 0);

  for (let step = 0; step < count; step++) {
    const record = steps + 32 * step;
    const table = tables + load<i32>(record);
    const vector = load<i32>(record, 4);
    const branches = load<i32>(record, 8);
    const first = 4 * load<i32>(record, 12);
    const columns = load<i32>(record, 16);
    const weight = splat(weights + first);
    const at = values + first;
    const noted = back + STATES * step;
    if (columns === WINDOWS) {
      // One call for each size of a vector and number of branches: both are then constants in the loop.
      if (vector === 4) stepOfOwn(table, 4, 1, at, weight, costs, next, noted);
      else if (vector === 2 && branches === 1) stepOfOwn(table, 2, 1, at, weight, costs, next, noted);
      else if (vector === 2) stepOfOwn(table, 2, 4, at, weight, costs, next, noted);
      else if (branches === 1) stepOfOwn(table, 1, 1, at, weight, costs, next, noted);
      else if (branches === 2) stepOfOwn(table, 1, 2, at, weight, costs, next, noted);
      else stepOfOwn(table, 1, 4, at, weight, costs, next, noted);
    } else {
      if (vector === 1) measure(table, 1, branches, columns, at, weight, ofColumns);
      else measure(table, 2, branches, columns, at, weight, ofColumns);
      for (let window = 0; window < WINDOWS; window++)
        store<f32>(metrics + 4 * window, load<f32>(ofColumns + 4 * <usize>load<u8>(columnOf + window)));
      stepOfShared(metrics, costs, next, noted);
    }
    if (step % LOWERED === LOWERED - 1) lower(next);
    const other = costs;
    costs = next;
    next = other;
  }

  let state = 0;
  for (let other = 1; other < STATES; other++)
    if (load<f32>(costs + 4 * other) < load<f32>(costs + 4 * state)) state = other;
  for (let step = count - 1; step >= 0; step--) {
    const isHigh: i32 = <i32>(load<u8>(back + STATES * step + state) !== 0);
    const window = state + STATES * isHigh;
    const record = steps + 32 * step;
    const columns = load<i32>(record, 16);
    const column = columns === WINDOWS ? window : <i32>load<u8>(columnOf + window);
    const branch = nearestBranch(
      tables + load<i32>(record) + 4 * column, load<i32>(record, 4), load<i32>(record, 8),
      values + 4 * load<i32>(record, 12), columns,
    );
    store<i32>(found + 4 * step, window + WINDOWS * branch);
    state = window >> 1;
  }
}
