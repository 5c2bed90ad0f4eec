/** Writes a tokenizer as bytes: the two files that a program reads. The model card is the trainer's. */
import { toNamedArrays, withPrefix, type NamedArray } from "@revq/core";
import { writeSafetensors } from "@revq/formats";
import type { Tokenizer } from "./tokenizer.js";

export const configFile = "config.json";
export const modelFile = "model.safetensors";

/** Names in model.safetensors: `standardizer.{mean,std}`, `quantizer.*`, `rectifier.*`, and `backbone.*` when embedded. */
export async function serializeTokenizer(tokenizer: Tokenizer): Promise<Record<string, Uint8Array>> {
  const { config, backbone, standardizer, quantizer, rectifier } = tokenizer.parts;
  const statistics = standardizer.state();
  const arrays: Record<string, NamedArray> = {
    ...withPrefix("standardizer", await toNamedArrays(statistics)),
    ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
    ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
    ...(backbone && config.backbone?.embedded ? withPrefix("backbone", await toNamedArrays(backbone.state())) : {}),
  };
  for (const tensor of Object.values(statistics)) tensor.dispose();
  return {
    [configFile]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
    [modelFile]: writeSafetensors(
      Object.entries(arrays).map(([name, { shape, data }]) => ({ name, shape, data })),
      { format: "revq" },
    ),
  };
}
