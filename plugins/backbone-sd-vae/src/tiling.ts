/**
 * Runs a network on large images tile by tile and blends the seams. Gives the values of diffusers'
 * `AutoencoderKL.tiled_encode` and `tiled_decode`. Tiles overlap by a quarter; those at the far
 * edges are smaller.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

const overlap = 0.25;

/**
 * @param input `[n, H, W, c]`; the result's resolution is `outputTile / inputTile` times that
 * @param run maps one tile `[n, <= inputTile, <= inputTile, c]`; its result is disposed here
 * @returns a tensor that the caller owns
 */
export async function runTiled(
  input: Tensor4D,
  inputTile: number,
  outputTile: number,
  run: (tile: Tensor4D) => Promise<Tensor4D>,
): Promise<Tensor4D> {
  const [n, height, width, channels] = input.shape;
  const stride = Math.floor(inputTile * (1 - overlap));
  const extent = Math.floor(outputTile * overlap);
  const kept = outputTile - extent;
  const rows: Tensor4D[] = [];
  let above: Tensor4D[] = [];
  try {
    for (let y = 0; y < height; y += stride) {
      const row: Tensor4D[] = [];
      const pieces: Tensor4D[] = [];
      try {
        for (let x = 0; x < width; x += stride) {
          const size = [Math.min(inputTile, height - y), Math.min(inputTile, width - x)] as const;
          const tile = tf.slice(input, [0, y, x, 0], [n, size[0], size[1], channels]);
          const plain = await run(tile);
          tile.dispose();
          const column = row.length;
          const blended = tf.tidy(() => {
            const vertical = above[column] ? blend(above[column], plain, extent, 1) : tf.clone(plain);
            return row[column - 1] ? blend(row[column - 1]!, vertical, extent, 2) : vertical;
          });
          plain.dispose();
          row.push(blended);
          const [, h, w, c] = blended.shape;
          pieces.push(tf.slice(blended, [0, 0, 0, 0], [n, Math.min(kept, h), Math.min(kept, w), c]));
        }
        rows.push(tf.concat(pieces, 2));
      } finally {
        tf.dispose([pieces, above]);
        above = row;
      }
    }
    return tf.concat(rows, 1);
  } finally {
    tf.dispose([rows, above]);
  }
}

/**
 * `after`, with its first `extent` lines along `axis` cross-faded from the last lines of `before`.
 * Both `[n, h, w, c]`.
 */
function blend(before: Tensor4D, after: Tensor4D, extent: number, axis: 1 | 2): Tensor4D {
  const lines = Math.min(before.shape[axis], after.shape[axis], extent);
  if (lines === 0) return after;
  const part = (x: Tensor4D, from: number, count: number): Tensor4D => {
    const [begin, size] = [
      [0, 0, 0, 0] as [number, number, number, number],
      [...x.shape] as [number, number, number, number],
    ];
    begin[axis] = from;
    size[axis] = count;
    return tf.slice(x, begin, size);
  };
  const ramp = tf.reshape(tf.div(tf.range(0, lines), lines), axis === 1 ? [1, lines, 1, 1] : [1, 1, lines, 1]);
  const seam = tf.add<Tensor4D>(
    tf.mul(part(before, before.shape[axis] - lines, lines), tf.sub(1, ramp)),
    tf.mul(part(after, 0, lines), ramp),
  );
  const rest = after.shape[axis] - lines;
  return rest === 0 ? seam : tf.concat([seam, part(after, lines, rest)], axis);
}
