// One AdamW step over n elements (a multiple of 4) in 128-bit SIMD. The same operations in the same
// order as `stepElements` in src/adamw.ts, so that both give the same bits.

export function adamw(
  param: usize, grad: usize, m: usize, v: usize, n: i32,
  decay: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, stepSize: f32, rootScale: f32, eps: f32, gradScale: f32,
): void {
  const decays = f32x4.splat(decay), scale = f32x4.splat(gradScale);
  const b1 = f32x4.splat(beta1), r1 = f32x4.splat(rest1), b2 = f32x4.splat(beta2), r2 = f32x4.splat(rest2);
  const size = f32x4.splat(stepSize), root = f32x4.splat(rootScale), epsilon = f32x4.splat(eps);
  const end = <usize>n << 2;
  for (let at: usize = 0; at < end; at += 16) {
    const g = f32x4.mul(v128.load(grad + at), scale);
    const moment = f32x4.add(f32x4.mul(b1, v128.load(m + at)), f32x4.mul(r1, g));
    const square = f32x4.add(f32x4.mul(b2, v128.load(v + at)), f32x4.mul(f32x4.mul(r2, g), g));
    v128.store(m + at, moment);
    v128.store(v + at, square);
    const update = f32x4.div(f32x4.mul(size, moment), f32x4.add(f32x4.mul(f32x4.sqrt(square), root), epsilon));
    v128.store(param + at, f32x4.sub(f32x4.mul(v128.load(param + at), decays), update));
  }
}
