/** Layouts of latents: `[c, h, w]` on disk, as PyTorch writes them, and `[h, w, c]` in memory. */
import type { LatentShape } from "@revq/core";

/** `count` latents `[c, h, w]` -> `[h, w, c]`. */
export function toChannelLast(rows: Float32Array, count: number, shape: LatentShape): Float32Array {
  return transposeEach(rows, count, shape.channels, shape.height * shape.width);
}

/** `count` latents `[h, w, c]` -> `[c, h, w]`. */
export function toChannelFirst(rows: Float32Array, count: number, shape: LatentShape): Float32Array {
  return transposeEach(rows, count, shape.height * shape.width, shape.channels);
}

/** For each element of `[h, w, c]` its index in `[c, h, w]`. */
export function channelFirstIndices({ channels, height, width }: LatentShape): Int32Array {
  const positions = height * width;
  return Int32Array.from(
    { length: channels * positions },
    (_, at) => (at % channels) * positions + Math.floor(at / channels),
  );
}

/** `count` matrices `[a, b]` -> `[b, a]`. */
function transposeEach(rows: Float32Array, count: number, a: number, b: number): Float32Array {
  const result = new Float32Array(count * a * b);
  for (let n = 0; n < count; n++) {
    const base = n * a * b;
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) result[base + j * a + i] = rows[base + i * b + j]!;
    }
  }
  return result;
}
