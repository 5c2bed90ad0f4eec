/** A tokenizer as bytes: the two files that programs read. The trainer writes the model card. */
import { toNamedArrays, withPrefix, type NamedArray } from "@revq/core";
import { float16ToFloat32, float32ToFloat16, writeSafetensors, type TensorToWrite } from "@revq/formats";
import { jsonText } from "./json-text.js";
import { metricArrays } from "./metric.js";
import type { TokenizerParts } from "./parts.js";

export const configFile = "config.json";
export const modelFile = "model.safetensors";

/**
 * The files by name. Tensors of model.safetensors: `standardizer.{mean,std}`, `metric.matrix`,
 * `transform.*`, `quantizer.*`, `rectifier.*`, `decoder.*` when it is adapted, and `backbone.*` when embedded. An embedded backbone is stored in
 * half precision where that is exact.
 *
 * @example
 * import { tokenizerFolder } from "@revq/tokenizer-tiny";
 * const tokenizer = await Tokenizer.load(tokenizerFolder);
 * Object.keys(await serializeTokenizer(tokenizer)); // => ["config.json", "model.safetensors"]
 * tokenizer.dispose();
 */
export async function serializeTokenizer({ parts }: { parts: TokenizerParts }): Promise<Record<string, Uint8Array>> {
  const { config, backbone, space, quantizer, rectifier, decoder } = parts;
  const statistics = space.standardizer.state();
  const arrays: Record<string, NamedArray> = {
    ...withPrefix("standardizer", await toNamedArrays(statistics)),
    ...withPrefix("metric", metricArrays(space.metric)),
    ...withPrefix("transform", await toNamedArrays(space.transform.state())),
    ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
    ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
    ...(decoder ? withPrefix("decoder", await toNamedArrays(decoder.state())) : {}),
  };
  const embedded =
    backbone && config.backbone?.embedded ? withPrefix("backbone", await toNamedArrays(backbone.state())) : {};
  for (const tensor of Object.values(statistics)) tensor.dispose();
  return {
    [configFile]: new TextEncoder().encode(jsonText(config)),
    [modelFile]: writeSafetensors(
      [
        ...Object.entries(arrays).map(([name, { shape, data }]) => ({ name, shape, data })),
        ...Object.entries(embedded).map(([name, array]) => narrowest(name, array)),
      ],
      { format: "revq" },
    ),
  };
}

/** float16 where that loses nothing, else as it is. */
function narrowest(name: string, { shape, data }: NamedArray): TensorToWrite {
  if (data instanceof Float32Array) {
    const halfs = float32ToFloat16(data);
    const widened = float16ToFloat32(halfs);
    if (widened.every((value, index) => Object.is(value, data[index])))
      return { name, shape, data: halfs, dtype: "F16" };
  }
  return { name, shape, data };
}
