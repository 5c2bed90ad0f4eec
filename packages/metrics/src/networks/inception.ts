/**
 * Runs FID's Inception: pooled features for rFID, logits for the Inception Score. Forward only.
 * Layers: `inception-layers.ts`.
 */
import { requireTensor, type Disposable, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import {
  convolutions,
  inceptionLayers,
  inceptionSize,
  inceptionTensors,
  type InceptionNode,
} from "./inception-layers.js";

export interface Inception extends Disposable {
  /**
   * images `[n, H, W, 3]` float32 in [-1, 1], any size -> 2048 pooled features and 1008 logits of
   * each, float32. The logits are without the last layer's bias, as usual for the Inception Score.
   * The caller owns both.
   */
  run(images: Tensor4D): { features: Tensor2D; logits: Tensor2D };
}

/** Epsilon of the network's batch norms. */
const epsilon = 0.001;

/**
 * FID's Inception with the given weights.
 *
 * @param weights by pytorch-fid's keys; copied
 * @throws RevqError `state-missing-tensor`, `state-misshapen-tensor`
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * await tf.setBackend("cpu");
 * inceptionTensors().get("fc.weight"); // => [1008, 2048]
 * const weights = { "fc.weight": tf.zeros([1000, 2048]) }; // torchvision's, not FID's
 * let code = "";
 * try {
 *   createInception(weights);
 * } catch (error) {
 *   code = error.code;
 * }
 * code; // => "state-missing-tensor"
 */
export function createInception(weights: NamedTensors): Inception {
  const shapes = inceptionTensors();
  const tensor = (name: string) => requireTensor(weights, name, shapes.get(name)!);
  // Batch norms are folded into the convolutions before them.
  const folded = new Map(
    convolutions().map(({ name }) => {
      const parts = tf.tidy(() => {
        const scale = tf.div(tensor(`${name}.bn.weight`), tf.sqrt(tf.add(tensor(`${name}.bn.running_var`), epsilon)));
        const filter = tf.mul(tf.transpose(tensor(`${name}.conv.weight`), [2, 3, 1, 0]), scale) as Tensor4D;
        const bias = tf.sub(tensor(`${name}.bn.bias`), tf.mul(tensor(`${name}.bn.running_mean`), scale)) as Tensor1D;
        return [filter, bias] as [Tensor4D, Tensor1D];
      });
      return [name, parts] as const;
    }),
  );
  const classifier = tf.clone(tensor("fc.weight")) as Tensor2D;

  function apply(x: Tensor4D, node: InceptionNode): Tensor4D {
    return tf.tidy(() => {
      switch (node.kind) {
        case "conv": {
          const [filter, bias] = folded.get(node.name)!;
          return tf.relu(tf.add<Tensor4D>(tf.conv2d(x, filter, node.stride, node.same ? "same" : "valid"), bias));
        }
        case "maximum":
          return tf.maxPool(x, 3, node.stride, node.stride === 1 ? "same" : "valid");
        case "average":
          return tf.avgPool(x, 3, node.stride, "same");
        case "sequence":
          return node.nodes.reduce(apply, x);
        case "branches":
          return tf.concat(
            node.nodes.map((branch) => apply(x, branch)),
            3,
          );
      }
    });
  }

  return {
    run: (images) =>
      tf.tidy(() => {
        // Half-pixel centres: PyTorch's align_corners=False.
        const resized = tf.image.resizeBilinear(images, [inceptionSize, inceptionSize], false, true);
        const last = inceptionLayers.reduce(apply, resized);
        const features = tf.mean<Tensor2D>(last, [1, 2]);
        return { features, logits: tf.matMul<Tensor2D>(features, classifier, false, true) };
      }),
    dispose() {
      tf.dispose([classifier, ...[...folded.values()].flat()]);
    },
  };
}
