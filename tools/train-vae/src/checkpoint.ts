/**
 * The state of a run as one safetensors file, written atomically; and weights in the layout of
 * diffusers.
 */
import { access } from "node:fs/promises";
import type { NamedTensors } from "@revq/core";
import { openSafetensors, writeSafetensors, type DType } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";

export async function saveTensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
  dtype?: DType,
): Promise<void> {
  const entries = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const data = (await tensor.data()) as Float32Array | Int32Array;
    entries.push({ name, shape: tensor.shape, data, ...(dtype ? { dtype } : {}) });
  }
  await writeFileAtomic(path, writeSafetensors(entries, metadata));
}

/** Floating point as float32; undefined when the file does not exist. */
export async function loadTensors(
  path: string,
): Promise<{ tensors: Record<string, tf.Tensor>; metadata: Readonly<Record<string, string>> } | undefined> {
  const missing = await access(path).then(
    () => false,
    () => true,
  );
  if (missing) return undefined;
  const source = await fromFile(path);
  try {
    const file = await openSafetensors(source);
    const tensors: Record<string, tf.Tensor> = {};
    for (const [name, { dtype }] of file.tensors) {
      if (dtype === "I32") {
        const { shape, data } = await file.read(name);
        tensors[name] = tf.tensor(data as Int32Array, [...shape], "int32");
      } else {
        const { shape, data } = await file.readFloat32(name);
        tensors[name] = tf.tensor(data, [...shape]);
      }
    }
    return { tensors, metadata: file.metadata };
  } finally {
    await source.close?.();
  }
}
