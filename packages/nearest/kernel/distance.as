// The squared distance in the order of operations that src/reference.ts defines (AssemblyScript).

/** Squared differences of four elements. */
@inline export function squared(a: v128, b: v128): v128 {
  const t = f32x4.sub(a, b);
  return f32x4.mul(t, t);
}

/** The squared distance of two rows of d float32. */
@inline export function codeDistance(d: i32, a: usize, b: usize): f32 {
  let sum: f32 = 0;
  for (let i = 0; i < d; i++) {
    const t = load<f32>(a + (<usize>i << 2)) - load<f32>(b + (<usize>i << 2));
    sum += t * t;
  }
  return sum;
}
