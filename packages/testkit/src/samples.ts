/** Seeded data for the suites: latents and images in memory. */
import { createRandom, latentSize, type ImageSource, type LatentShape, type LatentSource } from "@revq/core";

/**
 * `count` standardized latents, `[count, h, w, c]` flat: normal, and correlated within a latent, as
 * real ones are.
 */
export function randomLatents(shape: LatentShape, count: number, seed: number): Float32Array {
  const random = createRandom(seed);
  const size = latentSize(shape);
  const values = new Float32Array(count * size);
  for (let n = 0; n < count; n++) {
    const common = random.normal();
    for (let i = 0; i < size; i++) values[n * size + i] = 0.6 * common + 0.8 * random.normal();
  }
  return values;
}

/** Latents in memory as a source. @param values `[count, h, w, c]` flat */
export function latentSource(shape: LatentShape, values: Float32Array): LatentSource {
  const size = latentSize(shape);
  return {
    shape,
    count: values.length / size,
    read: async (indices) => {
      const rows = new Float32Array(indices.length * size);
      for (let row = 0; row < indices.length; row++) {
        rows.set(values.subarray(indices[row]! * size, (indices[row]! + 1) * size), row * size);
      }
      return rows;
    },
  };
}

/**
 * `count` smooth images, `[count, size, size, 3]` in [-1, 1]: a colour, a slope, a wave and a
 * little noise each.
 */
export function randomImages(size: number, count: number, seed: number): Float32Array {
  const random = createRandom(seed);
  const pixels = new Float32Array(count * size * size * 3);
  let next = 0;
  for (let n = 0; n < count; n++) {
    const [slopeY, slopeX, wave, phase] = [
      random.normal(),
      random.normal(),
      2 + 6 * random.uniform(),
      6 * random.uniform(),
    ];
    const colour = [random.normal(), random.normal(), random.normal()];
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const shade = (slopeY * y + slopeX * x) / size + 0.5 * Math.sin((wave * (x + y)) / size + phase);
        for (let c = 0; c < 3; c++) pixels[next++] = Math.tanh(0.5 * colour[c]! + shade + 0.05 * random.normal());
      }
    }
  }
  return pixels;
}

/** Images in memory as a source. @param pixels `[count, size, size, 3]` flat, in [-1, 1] */
export function imageSource(size: number, pixels: Float32Array): ImageSource {
  const each = size * size * 3;
  const count = pixels.length / each;
  return {
    description: "images in memory",
    size,
    count,
    skipped: [],
    async *batches(batchSize) {
      for (let first = 0; first < count; first += batchSize) {
        const last = Math.min(count, first + batchSize);
        const names = Array.from({ length: last - first }, (_, i) => `image-${first + i}`);
        yield { names, size, pixels: pixels.slice(first * each, last * each) };
      }
    },
  };
}
