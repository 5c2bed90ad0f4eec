/**
 * Runs a feature network on the current tfjs backend. All operations have gradients, so a distance
 * of features can be a loss.
 */
import { requireTensor, type Disposable, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { featureTensors, type FeatureNetwork } from "./feature-networks.js";

export interface FeatureRunner extends Disposable {
  /**
   * images `[n, H, W, 3]`, normalized for the network -> its taps `[n, h, w, c]`, in order. The
   * caller owns them, unless in `tf.tidy`.
   */
  run(images: Tensor4D): Tensor4D[];
}

/**
 * A runner with the given weights.
 *
 * @param weights by torchvision's keys in PyTorch's layout; copied. Other tensors are ignored.
 */
export function createFeatureRunner(network: FeatureNetwork, weights: NamedTensors): FeatureRunner {
  const given = [...featureTensors(network)].map(
    ([name, shape]) => [name, requireTensor(weights, name, shape)] as const,
  );
  // [out, in, y, x] -> [y, x, in, out]
  const tensors = Object.fromEntries(
    given.map(([name, tensor]) => [
      name,
      tf.tidy(() => (tensor.rank === 4 ? tf.transpose(tensor, [2, 3, 1, 0]) : tf.clone(tensor))),
    ]),
  ) as Record<string, Tensor>;

  function conv(x: Tensor4D, name: string, stride = 1, padding = 0): Tensor4D {
    const filter = tensors[`${name}.weight`] as Tensor4D;
    const y = tf.conv2d(x, filter, stride, padding, "NHWC", [1, 1], "floor");
    return tf.relu(tf.add<Tensor4D>(y, tensors[`${name}.bias`]!));
  }

  return {
    run: (images) =>
      tf.tidy(() => {
        const taps: Tensor4D[] = [];
        let x = images;
        for (const layer of network.layers) {
          if (layer.kind === "conv") x = conv(x, layer.name, layer.stride, layer.padding);
          else if (layer.kind === "pool") x = maximumPool(x, layer.size, layer.ceil);
          else if (layer.kind === "fire") {
            const squeezed = conv(x, `${layer.name}.squeeze`);
            x = tf.concat(
              [conv(squeezed, `${layer.name}.expand1x1`), conv(squeezed, `${layer.name}.expand3x3`, 1, 1)],
              3,
            );
          } else taps.push(x);
        }
        return taps;
      }),
    dispose: () => tf.dispose(tensors),
  };
}

/**
 * Windows of `size`, stride 2. PyTorch's `ceil_mode` is a padding with zeros here: x comes from a
 * ReLU, so zeros never exceed the maximum.
 */
function maximumPool(x: Tensor4D, size: 2 | 3, ceil: boolean): Tensor4D {
  const [, height, width] = x.shape;
  const missing = (side: number): number => (ceil && (side - size) % 2 !== 0 ? 1 : 0);
  const [down, right] = [missing(height), missing(width)];
  const padded =
    down || right
      ? tf.pad4d(x, [
          [0, 0],
          [0, down],
          [0, right],
          [0, 0],
        ])
      : x;
  return tf.maxPool(padded, size, 2, 0, "floor");
}
