/**
 * A model file as an int32 tensor, so that a tokenizer can hold it: the number of bytes, then the
 * bytes, four per element.
 */
import { RevqError, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { ModelBytes } from "./find-models.js";

/** `[1 + ceil(bytes / 4)]` int32. */
export function bytesToTensor(bytes: Uint8Array): tf.Tensor1D {
  const words = new Int32Array(1 + Math.ceil(bytes.length / 4));
  words[0] = bytes.length;
  new Uint8Array(words.buffer, 4).set(bytes);
  return tf.tensor1d(words, "int32");
}

/** @throws RevqError `state-missing-tensor` */
export async function bytesOfState(state: NamedTensors): Promise<ModelBytes> {
  const { encoder, decoder } = state;
  if (!encoder) {
    throw new RevqError("state-missing-tensor", 'The state of an onnx backbone has no "encoder".', {
      fix: "Was the file written by another plugin?",
    });
  }
  return { encoder: await toBytes(encoder), ...(decoder ? { decoder: await toBytes(decoder) } : {}) };
}

async function toBytes(tensor: tf.Tensor): Promise<Uint8Array> {
  const words = Int32Array.from(await tensor.data());
  return new Uint8Array(words.buffer, 4, words[0]);
}
