/**
 * Weights and images that a formula of integers defines, the same in numpy
 * (tools/golden/seeded.py).
 */

/** In [-.5, .5), by a hash of position and seed. */
export function hashed(count: number, seed: number): Float64Array {
  const offset = Math.imul(seed, 0x9e3779b9);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let h = (i + offset) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    values[i] = ((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5;
  }
  return values;
}

/**
 * Uniform with the variance 2 / inputs of He's initialisation; vectors (biases) a tenth of the unit
 * interval.
 */
export function seededWeights(shape: readonly number[], seed: number): Float32Array {
  const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
  const scale = shape.length === 1 ? 0.1 : Math.sqrt(24 / product(shape.slice(1)));
  const values = hashed(product(shape), seed);
  const weights = new Float32Array(values.length);
  for (let i = 0; i < weights.length; i++) weights[i] = values[i]! * scale;
  return weights;
}

/** [height, width, 3] in [-1, 1]: a ramp of integers with noise. */
export function seededImage(height: number, width: number, seed: number): Float32Array {
  const noise = hashed(height * width * 3, seed);
  return Float32Array.from(noise, (value, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / (3 * width))];
    const ramp = ((x * 3 + y * 5 + c * 40 + seed * 17) % 256) / 127.5 - 1;
    return 0.6 * ramp + 0.6 * value;
  });
}
