/**
 * A tokenizer for PyTorch: `tokenizer.py` computes what revq computes, from `config.json` and
 * `model.safetensors` beside it. `modeling_revq.py` is the same as a model of transformers.
 */
import { toNamedArrays, withPrefix, type NamedArray } from "@revq/core";
import { writeSafetensors } from "@revq/formats";
import { writeFileAtomic } from "@revq/formats/node";
import { symmetricPower } from "@revq/numerics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { exportConfig } from "./export-config.js";
import { pythonFile, tokenizerPython } from "./pytorch/python-files.js";
import type { DescribedPart } from "./pytorch/python-part.js";
import { describeQuantizer } from "./pytorch/quantizer.js";
import { describeRectifier } from "./pytorch/rectifier.js";
import { describeTransform } from "./pytorch/transform.js";
import { describeVae } from "./pytorch/vae.js";
import { pytorchReadme } from "./readme.js";

/** Writes the files. Throws `export-pytorch` for parts that the Python code does not know. */
export async function exportPyTorch(tokenizer: Tokenizer, folder: string): Promise<void> {
  const { encoder, decoder } = await describeVae(tokenizer);
  const quantizer = await describeQuantizer(tokenizer);
  const transform = await describeTransform(tokenizer);
  const rectifier = await describeRectifier(tokenizer);
  const modules: Record<string, DescribedPart | null> = { encoder, decoder, transform, quantizer, rectifier };

  const arrays: Record<string, NamedArray> = { ...(await ownArrays(tokenizer, quantizer.order)) };
  for (const [name, described] of Object.entries(modules))
    if (described) Object.assign(arrays, withPrefix(name, described.tensors));
  const tensors = Object.entries(arrays).map(([name, array]) => ({ name, ...array }));
  const write = (name: string, contents: string | Uint8Array): Promise<void> =>
    writeFileAtomic(join(folder, name), contents);
  await write("model.safetensors", writeSafetensors(tensors, { format: "pt" }));
  await write(
    "config.json",
    exportConfig(tokenizer, {
      architectures: ["RevqModel"],
      auto_map: { AutoConfig: "modeling_revq.RevqConfig", AutoModel: "modeling_revq.RevqModel" },
      model_type: "revq",
      dtype: "float32",
      vector_size: quantizer.vectorSize,
      metric: tokenizer.config.metric,
      modules: Object.fromEntries(Object.entries(modules).map(([name, described]) => [name, described?.part ?? null])),
    }),
  );
  const files = Object.values(modules).flatMap((described) => described?.files ?? []);
  await write("tokenizer.py", await tokenizerPython(files));
  await write("modeling_revq.py", await pythonFile("modeling_revq"));
  await write("README.md", pytorchReadme(tokenizer));
}

/** Statistics, metric and order: `[c, h, w]` where revq has `[h, w, c]`. */
async function ownArrays({ parts }: Tokenizer, order: Int32Array): Promise<Record<string, NamedArray>> {
  const { space, latentShape } = parts;
  const { channels } = latentShape;
  const statistics = space.standardizer.state();
  const positions = latentShape.height * latentShape.width;
  const arrays: Record<string, NamedArray> = {
    ...(await toNamedArrays(statistics)),
    order: {
      shape: [order.length],
      data: order.map((element) => (element % channels) * positions + Math.floor(element / channels)),
    },
  };
  tf.dispose({ ...statistics });
  if (space.metric.id !== "decoder") return arrays;
  const { matrix } = space.metric;
  const shape = [channels, channels];
  const inverse = Float32Array.from(symmetricPower(matrix, channels, -1));
  return { ...arrays, metric: { shape, data: matrix }, metric_inverse: { shape, data: inverse } };
}
