/** A tokenizer as two ONNX models: images (or latents) to ids, and back. Both are compared with revq after writing. */
import { isRevqError, RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { withWholeBatches } from "@revq/plugin-kit";
import { traceOnnx, type TraceInput } from "@revq/tfjs-backend-onnx";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { compareOnnx } from "./compare-onnx.js";
import { exportConfig } from "./export-config.js";
import type { OnnxExport, OnnxModelNames, OnnxNames } from "./onnx-export.js";
import { onnxReadme } from "./onnx-readme.js";

/** Images of the sample that the models are compared on, where they take any number. */
const comparedBatch = 2;

/**
 * Writes the models, config.json and a README.md.
 *
 * @param batch the fixed batch size of both models; null: they take any
 * @throws RevqError `export-nothing`
 */
export async function exportOnnx(tokenizer: Tokenizer, folder: string, batch: number | null): Promise<OnnxExport> {
  const kind = tokenizer.parts.backbone ? "images" : "latents";
  const names: OnnxNames = {
    encoder: { file: "encoder.onnx", input: kind, output: "ids" },
    decoder: { file: "decoder.onnx", input: "ids", output: kind },
  };
  const result = await writeOnnxModels(tokenizer, folder, names, batch);
  await writeFileAtomic(join(folder, "config.json"), exportConfig(tokenizer, {}));
  await writeFileAtomic(join(folder, "README.md"), onnxReadme(tokenizer, result));
  return result;
}

/** The models alone, under the names given. Throws `export-nothing`. */
export async function writeOnnxModels(
  tokenizer: Tokenizer,
  folder: string,
  names: OnnxNames,
  batch: number | null,
): Promise<OnnxExport> {
  const { backbone, latentShape } = tokenizer.parts;
  const { channels, height, width } = latentShape;
  const size = tokenizer.config.imageSize ?? 0;
  const shape = backbone ? [3, size, size] : [channels, height, width];
  const leftOut: string[] = [];
  const files: string[] = [];
  const fixedBatch: Record<string, number> = {};
  /** The part that computes at the moment, for the message if it leaves the engine. */
  let part = "";

  const trace = async (
    { file, input, output }: OnnxModelNames,
    each: Pick<TraceInput, "dtype"> & { readonly shape: readonly number[] },
    run: (x: tf.Tensor) => Promise<tf.Tensor>,
  ): Promise<void> => {
    const traceBatch = (size: number | string): Promise<void> =>
      traceOnnx(
        { name: input, shape: [size, ...each.shape], dtype: each.dtype },
        output,
        (x) => withWholeBatches(() => run(x)),
        (pieces) => writeFileAtomic(join(folder, file), pieces),
      );
    try {
      if (batch !== null) fixedBatch[file] = batch;
      await traceBatch(batch ?? "batch").catch((error: unknown) => {
        if (!isRevqError(error) || error.code !== "onnx-trace-batch") throw error;
        fixedBatch[file] = 1;
        return traceBatch(1);
      });
      files.push(file);
    } catch (error) {
      if (!isRevqError(error) || error.code !== "onnx-trace-read") throw error;
      leftOut.push(`${file}: ${part} computes outside the tensor engine.`);
    }
  };

  await trace(names.encoder, { shape, dtype: "float32" }, async (planes) => {
    const last: Tensor4D = tf.transpose(planes as Tensor4D, [0, 2, 3, 1]);
    part = `the backbone ${tokenizer.config.backbone?.id}`;
    const latents = backbone ? await backbone.encode(last) : tf.clone(last);
    part = `the quantizer ${tokenizer.config.quantizer.id}`;
    try {
      return await quantize(tokenizer, latents);
    } finally {
      tf.dispose([last, latents]);
    }
  });
  if (backbone?.spec.decodes === false) leftOut.push(`${names.decoder.file}: the backbone only encodes.`);
  else {
    await trace(names.decoder, { shape: [tokenizer.layout.count], dtype: "int32" }, async (ids) => {
      part = backbone ? `the backbone ${tokenizer.config.backbone?.id}` : part;
      return decode(tokenizer, ids as Tensor2D);
    });
  }
  if (files.length === 0) {
    throw new RevqError("export-nothing", `No part of this tokenizer can be an ONNX model. ${leftOut.join(" ")}`, {
      fix: "A backbone onnx is in ONNX files already; other backbones can be exported.",
    });
  }
  const sampled = Math.min(comparedBatch, ...Object.values(fixedBatch));
  const compared = await compareOnnx(tokenizer, folder, [batch ?? sampled, ...shape], {
    names,
    written: files,
    decode: (ids) => decode(tokenizer, ids),
  });
  return { kind: backbone ? "images" : "latents", files, leftOut, fixedBatch, ...compared };
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
