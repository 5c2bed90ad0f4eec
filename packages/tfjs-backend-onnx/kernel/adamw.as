// One AdamW step over n elements (a multiple of 2), in place. Computed in float64, two elements at a
// time, and rounded once: the same operations in the same order as `stepElements` in
// src/kernels/adamw.ts, so that both give the same bits.

// Two float32 as float64.
@inline function pair(at: usize): v128 { return f64x2.promote_low_f32x4(v128.load64_zero(at)); }

export function adamw(
  parameter: usize, gradient: usize, mean: usize, square: usize, n: i32,
  scale: f64, rate: f64, keep: f64, beta1: f64, rest1: f64, beta2: f64, rest2: f64, epsilon: f64,
): void {
  const scales = f64x2.splat(scale), rates = f64x2.splat(rate), keeps = f64x2.splat(keep);
  const b1 = f64x2.splat(beta1), r1 = f64x2.splat(rest1), b2 = f64x2.splat(beta2), r2 = f64x2.splat(rest2);
  const epsilons = f64x2.splat(epsilon);
  const bytes = <usize>n << 2;
  for (let i: usize = 0; i < bytes; i += 8) {
    const g = f64x2.mul(pair(gradient + i), scales);
    const m = f64x2.add(f64x2.mul(b1, pair(mean + i)), f64x2.mul(r1, g));
    const v = f64x2.add(f64x2.mul(b2, pair(square + i)), f64x2.mul(f64x2.mul(r2, g), g));
    v128.store64_lane(mean + i, f32x4.demote_f64x2_zero(m), 0);
    v128.store64_lane(square + i, f32x4.demote_f64x2_zero(v), 0);
    const change = f64x2.div(f64x2.mul(rates, m), f64x2.add(f64x2.sqrt(v), epsilons));
    const moved = f64x2.sub(f64x2.mul(pair(parameter + i), keeps), change);
    v128.store64_lane(parameter + i, f32x4.demote_f64x2_zero(moved), 0);
  }
}
