/** Writes a tokenizer as bytes: the two files that a program reads. The model card is the trainer's. */
import { toNamedArrays, withPrefix, type NamedArray } from "@revq/core";
import { float16ToFloat32, float32ToFloat16, writeSafetensors, type TensorToWrite } from "@revq/formats";
import type { TokenizerParts } from "./parts.js";

export const configFile = "config.json";
export const modelFile = "model.safetensors";

/**
 * The files by name. Names in model.safetensors: `standardizer.{mean,std}`, `transform.*`, `quantizer.*`, `rectifier.*`,
 * and `backbone.*` when embedded. A backbone that came in half precision stays so; nothing is rounded.
 */
export async function serializeTokenizer({ parts }: { parts: TokenizerParts }): Promise<Record<string, Uint8Array>> {
  const { config, backbone, space, quantizer, rectifier } = parts;
  const statistics = space.standardizer.state();
  const arrays: Record<string, NamedArray> = {
    ...withPrefix("standardizer", await toNamedArrays(statistics)),
    ...withPrefix("transform", await toNamedArrays(space.transform.state())),
    ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
    ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
  };
  const embedded =
    backbone && config.backbone?.embedded ? withPrefix("backbone", await toNamedArrays(backbone.state())) : {};
  for (const tensor of Object.values(statistics)) tensor.dispose();
  return {
    [configFile]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
    [modelFile]: writeSafetensors(
      [
        ...Object.entries(arrays).map(([name, { shape, data }]) => ({ name, shape, data })),
        ...Object.entries(embedded).map(([name, array]) => narrowest(name, array)),
      ],
      { format: "revq" },
    ),
  };
}

/** As float16 where that loses nothing. */
function narrowest(name: string, { shape, data }: NamedArray): TensorToWrite {
  if (data instanceof Float32Array) {
    const halfs = float32ToFloat16(data);
    const widened = float16ToFloat32(halfs);
    if (widened.every((value, index) => Object.is(value, data[index])))
      return { name, shape, data: halfs, dtype: "F16" };
  }
  return { name, shape, data };
}
