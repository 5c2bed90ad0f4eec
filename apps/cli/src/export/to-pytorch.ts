/**
 * All parameters of a tokenizer as one safetensors file for PyTorch. With the plugins `multigroup` and `efficientvit` the
 * names are those of the authors' checkpoint; other plugins keep their own names. Codebooks of unequal sizes are refused:
 * the authors' code has one array `[G, K, d]`.
 */
import { codebookOffsets, RevqError, toNamedArrays, type NamedArray } from "@revq/core";
import { writeSafetensors, type TensorToWrite } from "@revq/formats";
import { writeFileAtomic } from "@revq/formats/node";
import { adaptedTensors, jsonText, metricArrays, type Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { join } from "node:path";
import { pytorchReadme } from "./readme.js";

export const pytorchFile = "tokenizer.safetensors";

/** Writes the file, config.json and a README.md; returns the shape of every tensor. Throws `export-unequal-codebooks`. */
export async function exportPyTorch(tokenizer: Tokenizer, folder: string): Promise<Record<string, readonly number[]>> {
  const { space, quantizer, rectifier, backbone, decoder } = tokenizer.parts;
  const { config } = tokenizer;
  const statistics = space.standardizer.state();
  const written: TensorToWrite[] = [];
  const add = (prefix: string, arrays: Record<string, NamedArray>): void => {
    for (const [name, { shape, data }] of Object.entries(arrays))
      written.push({ name: `${prefix}${name}`, shape, data });
  };
  for (const [name, { data }] of Object.entries(await toNamedArrays(statistics)))
    written.push({ name, shape: [data.length], data });
  tf.dispose({ ...statistics });

  add("metric.", metricArrays(space.metric));
  add("transform.", await toNamedArrays(space.transform.state()));
  const { codebooks, ...rest } = await toNamedArrays(quantizer.state());
  add("quantizer.", rest);
  if (codebooks) {
    const { codebookSizes, groupOf } = quantizer.layout;
    if (codebookSizes.some((size) => size !== codebookSizes[0])) {
      const [smallest, largest] = [Math.min(...codebookSizes), Math.max(...codebookSizes)];
      throw new RevqError(
        "export-unequal-codebooks",
        `The groups of this tokenizer have ${smallest} to ${largest} codes. The authors' layout for PyTorch has one size for all groups.`,
        { fix: "Export to ONNX or tfjs, or train with --set quantizer.allocation=equal." },
      );
    }
    written.push({ name: "quantizer.embeddings", ...codebooks });
    const first = codebookOffsets(quantizer.layout);
    const offsets = BigInt64Array.from(groupOf, (group) => BigInt(first[group]!));
    written.push({ name: "quantizer.index_offset", shape: [offsets.length], data: offsets });
  }
  add("decoder.", await toNamedArrays(rectifier.state()));
  if (backbone && config.backbone?.embedded) add("backbone.", await toNamedArrays(backbone.state()));
  if (backbone && decoder && config.decoder) {
    const { mode } = config.decoder;
    const changed = tf.tidy(() => ({ ...adaptedTensors(mode, backbone.state(), decoder.state()) }));
    add("adapted_backbone.", await toNamedArrays(changed));
    tf.dispose(changed);
  }

  await writeFileAtomic(join(folder, pytorchFile), writeSafetensors(written, { format: "pt" }));
  await writeFileAtomic(join(folder, "config.json"), jsonText(config));
  const shapes = Object.fromEntries(written.map(({ name, shape }) => [name, shape]));
  await writeFileAtomic(join(folder, "README.md"), pytorchReadme(shapes));
  return shapes;
}
