/** Latents on disk are `[c, h, w]`, as PyTorch writes them; in memory they are `[h, w, c]`. No Node built-ins here. */
import type { LatentShape } from "@revq/core";

/** `count` latents `[c, h, w]` -> `[h, w, c]`. */
export function toChannelLast(rows: Float32Array, count: number, shape: LatentShape): Float32Array {
  return transposeEach(rows, count, shape.channels, shape.height * shape.width);
}

/** `count` latents `[h, w, c]` -> `[c, h, w]`. */
export function toChannelFirst(rows: Float32Array, count: number, shape: LatentShape): Float32Array {
  return transposeEach(rows, count, shape.height * shape.width, shape.channels);
}

/** Where the numbers of `[h, w, c]` lie in `[c, h, w]`. */
export function channelFirstPositions({ channels, height, width }: LatentShape): Int32Array {
  const places = height * width;
  return Int32Array.from(
    { length: channels * places },
    (_, at) => (at % channels) * places + Math.floor(at / channels),
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
