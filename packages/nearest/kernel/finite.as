// The test for NaN and infinities (AssemblyScript).

/** Whether all n float32 are finite: x - x is 0 for finite x and NaN otherwise. */
export function allFinite(values: usize, n: i32): bool {
  let bits = i32x4.splat(0);
  let at = values;
  const end = values + (<usize>n << 2);
  for (; at + 64 <= end; at += 64) {
    const a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48);
    const ab = v128.or(f32x4.sub(a, a), f32x4.sub(b, b)), cd = v128.or(f32x4.sub(c, c), f32x4.sub(d, d));
    bits = v128.or(bits, v128.or(ab, cd));
  }
  if (v128.any_true(bits)) return false;
  for (; at < end; at += 4) {
    const x = load<f32>(at);
    if (x - x !== 0) return false;
  }
  return true;
}
