/**
 * Converts float16 (IEEE 754 binary16) and bfloat16, as 16-bit patterns in a `Uint16Array`, to and
 * from float32. Widening is exact, including NaN payloads. Narrowing rounds to nearest, ties to
 * even, as numpy and PyTorch do.
 */

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);
let halfTable: Uint32Array | undefined;

/** The float32 bit pattern of every float16: 256 KB, made at the first use. */
function float16Table(): Uint32Array {
  if (halfTable) return halfTable;
  const table = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) table[half] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) table[half] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else {
      scratch[0] = fraction * 2 ** -24; // subnormal or zero: exact in float32
      table[half] = sign | scratchBits[0]!;
    }
  }
  halfTable = table;
  return table;
}

/** Bits of float32 -> bits of float16. */
function narrowToFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) {
    if (magnitude === 0x7f800000) return sign | 0x7c00;
    return sign | 0x7c00 | 0x0200 | ((magnitude >>> 13) & 0x3ff); // a quiet NaN with the upper payload
  }
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude >= 0x38800000) {
    // Normal: rebias the exponent, then round the 13 dropped bits. A carry into the exponent is
    // correct.
    const rebiased = magnitude - 0x38000000;
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign; // 2^-25 and below round to zero (the tie goes to even)
  // Subnormal: shift the significand, with its hidden bit, to units of 2^-24.
  const shift = 126 - (magnitude >>> 23);
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const upper = significand >>> shift;
  const dropped = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const up = dropped > half || (dropped === half && (upper & 1) === 1) ? 1 : 0;
  return sign | (upper + up);
}

/** Bits of float32 -> bits of bfloat16. */
function narrowToBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // quiet NaN
  return ((bits >>> 0) + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

/**
 * float16 bit patterns -> float32.
 *
 * @example
 * float16ToFloat32(Uint16Array.of(0x3c00, 0xc000)); // => [1, -2]
 */
export function float16ToFloat32(halfs: Uint16Array): Float32Array {
  const table = float16Table();
  const result = new Float32Array(halfs.length);
  const bits = bitsOf(result); // as integers: assigning floats may quiet a NaN
  for (let i = 0; i < halfs.length; i++) bits[i] = table[halfs[i]!]!;
  return result;
}

/**
 * float32 -> float16 bit patterns, rounded to nearest even. Magnitudes from 65520 on become
 * infinity.
 *
 * @example
 * float32ToFloat16(Float32Array.of(1, -2)); // => [0x3c00, 0xc000]
 */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < result.length; i++) result[i] = narrowToFloat16(bits[i]!);
  return result;
}

/**
 * bfloat16 bit patterns -> float32.
 *
 * @example
 * bfloat16ToFloat32(Uint16Array.of(0x3f80)); // => [1]
 */
export function bfloat16ToFloat32(halfs: Uint16Array): Float32Array {
  const result = new Float32Array(halfs.length);
  const bits = bitsOf(result);
  for (let i = 0; i < halfs.length; i++) bits[i] = halfs[i]! << 16;
  return result;
}

/**
 * float32 -> bfloat16 bit patterns, rounded to nearest even.
 *
 * @example
 * float32ToBfloat16(Float32Array.of(1)); // => [0x3f80]
 */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < result.length; i++) result[i] = narrowToBfloat16(bits[i]!);
  return result;
}
