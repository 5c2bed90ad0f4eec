/**
 * A tokenizer for transformers.js: two ONNX models in the folders and under the names that its
 * `AutoModel` and `AutoProcessor` look for.
 */
import { RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { jsonText, type Tokenizer } from "@revq/tokenizer";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { exportConfig } from "./export-config.js";
import type { OnnxExport, OnnxNames } from "./onnx-export.js";
import { writeOnnxModels } from "./to-onnx.js";
import { transformersJsReadme } from "./transformers-js-readme.js";

/** transformers.js looks for `onnx/NAME.onnx`, NAME being `model_file_name`. */
const names: OnnxNames = {
  encoder: { file: "onnx/encoder_model.onnx", input: "pixel_values", output: "image_codes" },
  decoder: { file: "onnx/decoder_model.onnx", input: "image_codes", output: "pixel_values" },
};

/**
 * Writes the models, config.json, preprocessor_config.json and a README.md.
 *
 * @param batch the fixed batch size of both models; null: they take any
 * @throws RevqError `export-latents`, `export-nothing`
 */
export async function exportTransformersJs(
  tokenizer: Tokenizer,
  folder: string,
  batch: number | null,
): Promise<OnnxExport> {
  const { imageSize } = tokenizer.config;
  if (!tokenizer.parts.backbone || imageSize === null) {
    throw new RevqError("export-latents", "Models of transformers.js take images. This tokenizer takes latents.", {
      fix: "Use --to onnx: its models take latents. Or train with a backbone.",
    });
  }
  await mkdir(join(folder, "onnx"), { recursive: true });
  const result = await writeOnnxModels(tokenizer, folder, names, batch);
  const write = (name: string, text: string): Promise<void> => writeFileAtomic(join(folder, name), text);
  // fp32: quantized weights give other ids.
  const settings = { model_type: "revq", "transformers.js_config": { dtype: "fp32" } };
  await write("config.json", exportConfig(tokenizer, settings));
  await write("preprocessor_config.json", jsonText(preprocessor(imageSize)));
  await write("README.md", transformersJsReadme(tokenizer, imageSize, result));
  return result;
}

/** The centre crop of revq in the words of transformers: Lanczos (`resample` 1), values in [-1, 1]. */
function preprocessor(size: number): Record<string, unknown> {
  return {
    image_processor_type: "CLIPImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: size },
    resample: 1,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
}
