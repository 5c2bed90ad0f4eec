/** A tokenizer as two ONNX models: pictures (or latents) to ids, ids to pictures. Each is tried in ONNX Runtime once it is written. */
import { isRevqError, RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { traceOnnx, type TraceInput } from "@revq/tfjs-backend-onnx";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { join } from "node:path";

export interface OnnxExport {
  /** What the models take and give: pictures, or latents of a tokenizer without a backbone. */
  readonly kind: "images" | "latents";
  readonly files: readonly string[];
  /** Ids of the tried sample that ONNX Runtime and revq give alike, as a fraction; null without an encoder. */
  readonly sameIds: number | null;
  /** Largest difference of what they decode the same ids to; null without a decoder. */
  readonly largestDifference: number | null;
  /** What was left out and why. */
  readonly leftOut: readonly string[];
}

const encoderFile = "encoder.onnx";
const decoderFile = "decoder.onnx";

/** @param batch of both models; it is fixed */
export async function exportOnnx(tokenizer: Tokenizer, folder: string, batch: number): Promise<OnnxExport> {
  const { backbone, latentShape } = tokenizer.parts;
  const { channels, height, width } = latentShape;
  const kind = backbone ? "images" : "latents";
  const size = tokenizer.config.imageSize ?? 0;
  const shape = backbone ? [batch, 3, size, size] : [batch, channels, height, width];
  const leftOut: string[] = [];
  const files: string[] = [];
  /** What computes at the moment, for the message if it leaves the engine. */
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
    const codes = await quantize(tokenizer, latents);
    latents.dispose();
    return codes;
  });
  const decodes =
    backbone?.spec.decodes === false
      ? (leftOut.push(`${decoderFile}: the backbone has an encoder only.`), false)
      : await trace(
          decoderFile,
          { name: "ids", shape: [batch, tokenizer.tokens.tokens], dtype: "int32" },
          kind,
          async (ids) => {
            part = backbone ? `the backbone ${tokenizer.config.backbone?.id}` : part;
            return decode(tokenizer, ids as Tensor2D);
          },
        );
  if (files.length === 0) {
    throw new RevqError("export-nothing", `Nothing of this tokenizer can be an ONNX model. ${leftOut.join(" ")}`, {
      fix: "A backbone onnx is in ONNX files already; other backbones can be exported.",
    });
  }
  return { kind, files, leftOut, ...(await compare(tokenizer, folder, shape, { encodes, decodes })) };
}

/** ids `[n, t]` -> pictures or latents, channels first. */
async function decode(tokenizer: Tokenizer, ids: Tensor2D): Promise<Tensor4D> {
  const { backbone } = tokenizer.parts;
  const latents = tokenizer.decodeLatents(ids);
  const output = backbone ? await backbone.decode(latents) : latents;
  const first = tf.transpose(output, [0, 3, 1, 2]);
  tf.dispose([latents, output]);
  return first;
}

async function quantize(tokenizer: Tokenizer, latents: Tensor4D): Promise<Tensor2D> {
  const { quantizer, standardizer } = tokenizer.parts;
  const standardized = standardizer.standardize(latents);
  try {
    return quantizer.quantizeOnEngine?.(standardized) ?? (await quantizer.quantize(standardized));
  } finally {
    standardized.dispose();
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

/** Both models on one smooth sample, beside revq itself. */
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
  const codes = await channelsLast(planes, (x) =>
    tokenizer.parts.backbone ? tokenizer.encodeImages(x) : tokenizer.encodeLatents(x),
  );
  const expected = (await codes.data()) as Int32Array;
  let sameIds: number | null = null;
  if (encodes) {
    const [input, output] = [tokenizer.parts.backbone ? "images" : "latents", "ids"];
    const ids = await runModel(join(folder, encoderFile), { [input]: new Tensor("float32", sample, shape) }, output);
    sameIds = expected.reduce((same, id, i) => same + (Number(ids[i]) === id ? 1 : 0), 0) / expected.length;
  }
  let largestDifference: number | null = null;
  if (decodes) {
    const ours = await decode(tokenizer, codes);
    const values = (await ours.data()) as Float32Array;
    const feeds = { ids: new Tensor("int32", expected, codes.shape) };
    const theirs = await runModel(join(folder, decoderFile), feeds, tokenizer.parts.backbone ? "images" : "latents");
    largestDifference = values.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(theirs[i]))), 0);
    ours.dispose();
  }
  tf.dispose([planes, codes]);
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
