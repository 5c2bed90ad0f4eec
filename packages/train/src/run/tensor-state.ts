/**
 * Moves plugin state between tensors and host arrays: checkpoints are arrays, plugins restore from
 * tensors.
 */
import { requireTensor, underPrefix, type NamedArray, type NamedArrays, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";

/** Uploads the entries below `prefix.`, lends them to `use`, then frees them. */
export function lendTensors(arrays: NamedArrays, prefix: string, use: (tensors: NamedTensors) => void): void {
  const tensors: Record<string, tf.Tensor> = {};
  for (const [name, array] of Object.entries(underPrefix<NamedArray>(prefix, arrays))) tensors[name] = upload(array);
  try {
    use(tensors);
  } finally {
    tf.dispose(Object.values(tensors));
  }
}

/** Gives every variable the value of its name, or throws `state-*` and changes none. Values are copied. */
export function assignVariables(variables: Readonly<Record<string, tf.Variable>>, values: NamedTensors): void {
  const pairs = Object.entries(variables).map(
    ([name, variable]) => [variable, requireTensor(values, name, variable.shape)] as const,
  );
  // A clone, because assigning a variable to itself would free it first.
  tf.tidy(() => pairs.forEach(([variable, value]) => variable.assign(tf.clone(value))));
}

export function upload({ shape, data }: NamedArray): tf.Tensor {
  return tf.tensor(data, [...shape], data instanceof Float32Array ? "float32" : "int32");
}
