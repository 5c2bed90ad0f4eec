/**
 * Runs a network of the TAESD family on the engine. Forward only; decoder-gradients.ts has the decoder with gradients.
 */
import { requireTensor, type NamedTensors } from "@revq/core";
import { runLayers, upsampledConvolution } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expectedTensors, poolGroups, type BlockLayer, type Layer } from "./architecture.js";

/** Epsilon of PyTorch's GroupNorm. */
const epsilon = 1e-5;

export interface Network {
  /**
   * `[n, h, w, c]` float32 -> `[n, h', w', c']`, the network's output. Call it inside `tf.tidy`.
   */
  run(x: tf.Tensor4D): tf.Tensor4D;
  dispose(): void;
}

/**
 * @param weights by PyTorch's keys and in its layout; borrowed, and copied in the engine's layout
 * @throws RevqError `state-*`
 */
export function createNetwork(layers: readonly Layer[], weights: NamedTensors): Network {
  const expected = [...expectedTensors(layers)];
  const given = expected.map(([name, shape]) => [name, requireTensor(weights, name, shape)] as const);
  // [out, in, y, x] -> [y, x, in, out]
  const tensors = Object.fromEntries(
    given.map(([name, tensor]) => [name, tensor.rank === 4 ? tf.transpose(tensor, [2, 3, 1, 0]) : tf.clone(tensor)]),
  );

  /** @param name key without `.weight` and `.bias` */
  function conv(x: tf.Tensor4D, name: string, stride: 1 | 2 = 1): tf.Tensor4D {
    const filter = tensors[`${name}.weight`] as tf.Tensor4D;
    // Not "same": with stride 2 it pads the far side only, where PyTorch pads both.
    const padding = (filter.shape[0] - 1) / 2;
    const bias = tensors[`${name}.bias`];
    const settings = { x, filter, strides: stride, pad: padding, dimRoundingMode: "floor" } as const;
    return tf.fused.conv2d(bias ? { ...settings, bias } : settings);
  }

  function convUpsampled(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const bias = tensors[`${name}.bias`];
    return upsampledConvolution(x, tensors[`${name}.weight`] as tf.Tensor4D, "NHWC", (x, filter, pad) =>
      tf.fused.conv2d({ x, filter, strides: 1, pad, ...(bias ? { bias } : {}) }),
    );
  }

  const steps = [...layers.entries()].filter(([, { kind }]) => kind !== "upsample");
  const operations: LayerOperations = { conv, convUpsampled, tensor: (name) => tensors[name]! };
  return {
    run: (input) => runLayers(steps, input, ([position, layer], x) => applyLayer(layer, x, position, operations)),
    dispose: () => tf.dispose(tensors),
  };
}

/** What layers are made of. A frozen network fuses operations; one with gradients cannot. */
export interface LayerOperations {
  /** @param name key without `.weight` and `.bias` */
  conv(x: tf.Tensor4D, name: string, stride?: 1 | 2): tf.Tensor4D;
  /** The convolution of x in twice its height and width. */
  convUpsampled(x: tf.Tensor4D, name: string): tf.Tensor4D;
  tensor(name: string): tf.Tensor;
}

/** The layer at a position of a network. */
export function applyLayer(layer: Layer, x: tf.Tensor4D, position: number, operations: LayerOperations): tf.Tensor4D {
  switch (layer.kind) {
    case "conv":
      return layer.upsampled
        ? operations.convUpsampled(x, `${position}`)
        : operations.conv(x, `${position}`, layer.stride);
    case "block":
      return block(x, `${position}`, layer, operations);
    case "clamp":
      return tf.mul(tf.tanh(tf.div(x, 3)), 3);
    case "relu":
      return tf.relu(x);
    case "upsample":
      return x; // the convolution that follows does both
  }
}

function block(input: tf.Tensor4D, name: string, { pool }: BlockLayer, { conv, tensor }: LayerOperations): tf.Tensor4D {
  let x = input;
  if (pool) {
    const normal = groupNorm(conv(x, `${name}.pool.0`), tensor(`${name}.pool.1.weight`), tensor(`${name}.pool.1.bias`));
    x = tf.add(x, conv(tf.relu(normal), `${name}.pool.3`));
  }
  const first = tf.relu(conv(x, `${name}.conv.0`));
  const second = tf.relu(conv(first, `${name}.conv.2`));
  return tf.relu(tf.add<tf.Tensor4D>(conv(second, `${name}.conv.4`), x));
}

/** Of the `pool` branch. @param scale, shift `[channels]` */
function groupNorm(x: tf.Tensor4D, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const grouped = tf.reshape(x, [n, height * width, poolGroups, channels / poolGroups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const normal: tf.Tensor4D = tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, epsilon))), x.shape);
  return tf.add<tf.Tensor4D>(tf.mul(normal, scale), shift);
}
