/**
 * The 3x3 convolution of an image that was upsampled by repetition, computed on the small image. Each of the four pixels that a
 * pixel becomes sees 2x2 pixels of the small image. So 16 products do what 36 do on the upsampled image, which is never made.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/** Before and after the image. */
type Margins = [number, number];
type ExplicitPadding = Extract<Parameters<typeof tf.conv2d>[3], readonly unknown[]>;
const none: Margins = [0, 0];

/**
 * `[n, h, w, in]` -> `[n, 2h, 2w, out]` (channels first with layout NCHW). Has gradients if `convolve` has.
 * @param filter `[3, 3, in, out]`
 * @param convolve one convolution of stride 1 with this filter and padding
 */
export function upsampledConvolution(
  x: Tensor4D,
  filter: Tensor4D,
  layout: "NHWC" | "NCHW",
  convolve: (x: Tensor4D, filter: Tensor4D, pad: ExplicitPadding) => Tensor4D,
): Tensor4D {
  const [above, below] = [0, 1].map((dy) =>
    [0, 1].map((dx) => {
      const [rows, columns]: [Margins, Margins] = [
        [1 - dy, dy],
        [1 - dx, dx],
      ];
      const pad: ExplicitPadding = layout === "NHWC" ? [none, rows, columns, none] : [none, none, rows, columns];
      return convolve(x, seenBy(seenBy(filter, 0, dy), 1, dx), pad);
    }),
  ) as [Tensor4D[], Tensor4D[]];
  return layout === "NHWC" ? joinChannelsLast(above, below) : joinChannelsFirst(above, below);
}

/** The first of a pixel's two sees the one before once and itself twice; the second one itself twice and the one after once. */
function seenBy(filter: Tensor4D, axis: 0 | 1, which: number): Tensor4D {
  const [before, own, after] = tf.split(filter, 3, axis) as [Tensor4D, Tensor4D, Tensor4D];
  return tf.concat<Tensor4D>(
    which === 0 ? [before, tf.add<Tensor4D>(own, after)] : [tf.add<Tensor4D>(before, own), after],
    axis,
  );
}

function joinChannelsLast(above: Tensor4D[], below: Tensor4D[]): Tensor4D {
  const [n, h, w, c] = above[0]!.shape;
  const rows = [above, below].map((pair): Tensor4D => tf.reshape(tf.concat(pair, 3), [n, h, 1, 2 * w * c]));
  return tf.reshape(tf.concat(rows, 2), [n, 2 * h, 2 * w, c]);
}

function joinChannelsFirst(above: Tensor4D[], below: Tensor4D[]): Tensor4D {
  const [n, c, h, w] = above[0]!.shape;
  const rows = [above, below].map((pair): Tensor4D => {
    const columns = pair.map((quarter): Tensor4D => tf.reshape(quarter, [n, c * h * w, 1, 1]));
    return tf.reshape(tf.concat(columns, 2), [n, c * h, 1, 2 * w]);
  });
  return tf.reshape(tf.concat(rows, 2), [n, c, 2 * h, 2 * w]);
}
