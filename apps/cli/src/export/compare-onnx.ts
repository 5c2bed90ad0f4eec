/** Runs exported models in ONNX Runtime and compares them with revq on one smooth sample. */
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { join } from "node:path";
import type { OnnxExport, OnnxNames } from "./onnx-export.js";

/**
 * @param shape of the sample, channels first
 * @param decode ids `[n, t]` -> images or latents, channels first
 */
export async function compareOnnx(
  tokenizer: Tokenizer,
  folder: string,
  shape: readonly number[],
  { names, written, decode }: Compared,
): Promise<Pick<OnnxExport, "sameIds" | "largestDifference">> {
  const sample = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) =>
    Math.sin(i * 0.013 + Math.sin(i * 0.00071)),
  );
  const planes = tf.tensor4d(sample, shape as [number, number, number, number]);
  const last: Tensor4D = tf.transpose(planes, [0, 2, 3, 1]);
  const ids = await (tokenizer.parts.backbone ? tokenizer.encodeImages(last) : tokenizer.encodeLatents(last));
  tf.dispose([planes, last]);
  const expected = (await ids.data()) as Int32Array;
  let sameIds: number | null = null;
  const { encoder, decoder } = names;
  if (written.includes(encoder.file)) {
    const theirs = await runModel(join(folder, encoder.file), encoder, new Tensor("float32", sample, shape));
    sameIds = expected.reduce((same, id, i) => same + (Number(theirs[i]) === id ? 1 : 0), 0) / expected.length;
  }
  let largestDifference: number | null = null;
  if (written.includes(decoder.file)) {
    const ours = await decode(ids);
    const values = (await ours.data()) as Float32Array;
    const theirs = await runModel(join(folder, decoder.file), decoder, new Tensor("int32", expected, ids.shape));
    largestDifference = values.reduce((largest, value, i) => Math.max(largest, Math.abs(value - Number(theirs[i]))), 0);
    ours.dispose();
  }
  ids.dispose();
  return { sameIds, largestDifference };
}

interface Compared {
  readonly names: OnnxNames;
  /** Files that were written. */
  readonly written: readonly string[];
  readonly decode: (ids: Tensor2D) => Promise<Tensor4D>;
}

async function runModel(
  path: string,
  { input, output }: { readonly input: string; readonly output: string },
  value: Tensor,
): Promise<ArrayLike<number | bigint>> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
  try {
    return (await session.run({ [input]: value }))[output]!.data as Float32Array;
  } finally {
    await session.release();
  }
}
