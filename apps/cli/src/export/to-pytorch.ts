/**
 * A tokenizer's numbers as one safetensors file for PyTorch. With the plugins `multigroup` and `efficientvit` the names are those of the
 * authors' checkpoint; others keep revq's. Codebooks of unequal sizes are refused: the authors' code has one array `[G, K, d]`.
 */
import { RevqError, toNamedArrays, type NamedArray } from "@revq/core";
import { writeSafetensors, type TensorToWrite } from "@revq/formats";
import { writeFileAtomic } from "@revq/formats/node";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { join } from "node:path";

export const pytorchFile = "tokenizer.safetensors";

/** Name -> shape of what was written. Throws `export-unequal-codebooks`. */
export async function exportPyTorch(tokenizer: Tokenizer, folder: string): Promise<Record<string, readonly number[]>> {
  const { standardizer, quantizer, rectifier, backbone } = tokenizer.parts;
  const { config } = tokenizer;
  const statistics = standardizer.state();
  const written: TensorToWrite[] = [];
  const add = (prefix: string, arrays: Record<string, NamedArray>): void => {
    for (const [name, { shape, data }] of Object.entries(arrays))
      written.push({ name: `${prefix}${name}`, shape, data });
  };
  for (const [name, { data }] of Object.entries(await toNamedArrays(statistics)))
    written.push({ name, shape: [data.length], data });
  tf.dispose({ ...statistics });

  const { codebooks, ...rest } = await toNamedArrays(quantizer.state());
  add("quantizer.", rest);
  if (codebooks) {
    const { codes, groupOf } = quantizer.tokens;
    if (codes.some((count) => count !== codes[0])) {
      const [least, most] = [Math.min(...codes), Math.max(...codes)];
      throw new RevqError(
        "export-unequal-codebooks",
        `The groups of this tokenizer have ${least} to ${most} codes; the authors' layout for PyTorch has as many in every group.`,
        { fix: "Export to ONNX or tfjs, or train with --set quantizer.allocation=equal." },
      );
    }
    written.push({ name: "quantizer.embeddings", ...codebooks });
    const first = codes.map((_, group) => codes.slice(0, group).reduce((sum, count) => sum + count, 0));
    const offsets = BigInt64Array.from(groupOf, (group) => BigInt(first[group]!));
    written.push({ name: "quantizer.index_offset", shape: [offsets.length], data: offsets });
  }
  add("decoder.", await toNamedArrays(rectifier.state()));
  if (backbone && config.backbone?.embedded) add("backbone.", await toNamedArrays(backbone.state()));

  await writeFileAtomic(join(folder, pytorchFile), writeSafetensors(written, { format: "pt" }));
  await writeFileAtomic(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  return Object.fromEntries(written.map(({ name, shape }) => [name, shape]));
}
