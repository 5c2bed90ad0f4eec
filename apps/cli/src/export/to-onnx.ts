/** A tokenizer as two ONNX models: images (or latents) to ids, and back. Both are compared with revq after writing. */
import { isRevqError, RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { traceOnnx, type TraceInput } from "@revq/tfjs-backend-onnx";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { join } from "node:path";
import type { OnnxExport } from "./onnx-export.js";
import { onnxReadme } from "./readme.js";

const encoderFile = "encoder.onnx";
const decoderFile = "decoder.onnx";

/**
 * Writes the models and a README.md.
 *
 * @param batch the fixed batch size of both models
 * @throws RevqError `export-nothing`
 */
export async function exportOnnx(tokenizer: Tokenizer, folder: string, batch: number): Promise<OnnxExport> {
  const { backbone, latentShape } = tokenizer.parts;
  const { channels, height, width } = latentShape;
  const kind = backbone ? "images" : "latents";
  const size = tokenizer.config.imageSize ?? 0;
  const shape = backbone ? [batch, 3, size, size] : [batch, channels, height, width];
  const leftOut: string[] = [];
  const files: string[] = [];
  /** The part that computes at the moment, for the message if it leaves the engine. */
  let part = "";

  const trace = async (
    file: string,
    input: TraceInput,
    output: string,
    run: (x: tf.Tensor) => Promise<tf.Tensor>,
  ): Promise<boolean> => {
    try {
      await traceOnnx(input, output, run, (pieces) => writeFileAtomic(join(folder, file), pieces));
      files.push(file);
      return true;
    } catch (error) {
      if (!isRevqError(error) || error.code !== "onnx-trace-read") throw error;
      leftOut.push(`${file}: ${part} computes outside the tensor engine.`);
      return false;
    }
  };

  const encodes = await trace(encoderFile, { name: kind, shape, dtype: "float32" }, "ids", async (planes) => {
    const latents = await channelsLast(planes as Tensor4D, async (x) => {
      part = `the backbone ${tokenizer.config.backbone?.id}`;
      return backbone ? backbone.encode(x) : tf.clone(x);
    });
    part = `the quantizer ${tokenizer.config.quantizer.id}`;
    try {
      return await quantize(tokenizer, latents);
    } finally {
      latents.dispose();
    }
  });
  const decodes =
    backbone?.spec.decodes === false
      ? (leftOut.push(`${decoderFile}: the backbone only encodes.`), false)
      : await trace(
          decoderFile,
          { name: "ids", shape: [batch, tokenizer.layout.count], dtype: "int32" },
          kind,
          async (ids) => {
            part = backbone ? `the backbone ${tokenizer.config.backbone?.id}` : part;
            return decode(tokenizer, ids as Tensor2D);
          },
        );
  if (files.length === 0) {
    throw new RevqError("export-nothing", `No part of this tokenizer can be an ONNX model. ${leftOut.join(" ")}`, {
      fix: "A backbone onnx is in ONNX files already; other backbones can be exported.",
    });
  }
  const result = { kind, files, leftOut, ...(await compare(tokenizer, folder, shape, { encodes, decodes })) } as const;
  await writeFileAtomic(join(folder, "README.md"), onnxReadme(tokenizer, result, batch));
  return result;
}

/** ids `[n, t]` -> images or latents, channels first. */
async function decode(tokenizer: Tokenizer, ids: Tensor2D): Promise<Tensor4D> {
  const { backbone } = tokenizer.parts;
  const latents = tokenizer.decodeLatents(ids);
  const output = backbone ? await tokenizer.decoder.decode(latents) : latents;
  const first = tf.transpose(output, [0, 3, 1, 2]);
  tf.dispose([latents, output]);
  return first;
}

/** latents `[n, h, w, c]` -> ids `[n, t]`, by tensor operations alone where the quantizer has them. */
async function quantize(tokenizer: Tokenizer, latents: Tensor4D): Promise<Tensor2D> {
  const { quantizer, space } = tokenizer.parts;
  const coefficients = space.graph(latents);
  try {
    return quantizer.graph
      ? tf.tidy(() => quantizer.graph!.quantize(coefficients))
      : await quantizer.quantize(coefficients);
  } finally {
    coefficients.dispose();
  }
}

async function channelsLast<T>(planes: Tensor4D, run: (x: Tensor4D) => Promise<T>): Promise<T> {
  const last = tf.transpose(planes, [0, 2, 3, 1]);
  try {
    return await run(last);
  } finally {
    last.dispose();
  }
}

/** Runs both models and revq on one smooth sample. */
async function compare(
  tokenizer: Tokenizer,
  folder: string,
  shape: readonly number[],
  { encodes, decodes }: { encodes: boolean; decodes: boolean },
): Promise<Pick<OnnxExport, "sameIds" | "largestDifference">> {
  const sample = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) =>
    Math.sin(i * 0.013 + Math.sin(i * 0.00071)),
  );
  const planes = tf.tensor4d(sample, shape as [number, number, number, number]);
  const ids = await channelsLast(planes, (x) =>
    tokenizer.parts.backbone ? tokenizer.encodeImages(x) : tokenizer.encodeLatents(x),
  );
  const expected = (await ids.data()) as Int32Array;
  let sameIds: number | null = null;
  if (encodes) {
    const [input, output] = [tokenizer.parts.backbone ? "images" : "latents", "ids"];
    const feeds = { [input]: new Tensor("float32", sample, shape) };
    const theirs = await runModel(join(folder, encoderFile), feeds, output);
    sameIds = expected.reduce((same, id, i) => same + (Number(theirs[i]) === id ? 1 : 0), 0) / expected.length;
  }
  let largestDifference: number | null = null;
  if (decodes) {
    const ours = await decode(tokenizer, ids);
    const values = (await ours.data()) as Float32Array;
    const feeds = { ids: new Tensor("int32", expected, ids.shape) };
    const theirs = await runModel(join(folder, decoderFile), feeds, tokenizer.parts.backbone ? "images" : "latents");
    largestDifference = values.reduce((largest, value, i) => Math.max(largest, Math.abs(value - Number(theirs[i]))), 0);
    ours.dispose();
  }
  tf.dispose([planes, ids]);
  return { sameIds, largestDifference };
}

async function runModel(
  path: string,
  feeds: Record<string, Tensor>,
  output: string,
): Promise<ArrayLike<number | bigint>> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
  try {
    return (await session.run(feeds))[output]!.data as Float32Array;
  } finally {
    await session.release();
  }
}
