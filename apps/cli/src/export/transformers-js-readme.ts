/** The README.md beside models for transformers.js. */
import type { Tokenizer } from "@revq/tokenizer";
import type { OnnxExport } from "./onnx-export.js";

/** The package that reads the folder: a dependency of its reader, not of revq. */
const reader = "@huggingface/transformers";

export function transformersJsReadme(
  { layout }: Pick<Tokenizer, "layout">,
  size: number,
  { files, leftOut, fixedBatch }: OnnxExport,
): string {
  const batchOf = (part: string): string => `${fixedBatch[`onnx/${part}_model.onnx`] ?? "n"}`;
  const planes = (part: string): string => `\`pixel_values\` [${batchOf(part)}, 3, ${size}, ${size}] float32`;
  const codes = (part: string): string => `\`image_codes\` [${batchOf(part)}, ${layout.count}] int32`;
  const models = [
    `- \`onnx/encoder_model.onnx\`: ${planes("encoder")} in [-1, 1] -> ${codes("encoder")}, the code of every token in its group\n`,
    `- \`onnx/decoder_model.onnx\`: ${codes("decoder")} -> ${planes("decoder")}, about [-1, 1], not clamped\n`,
  ].filter((line) => files.some((file) => line.includes(file)));
  const [encodes, decodes] = ["encoder", "decoder"].map((part) => files.some((file) => file.includes(part)));
  return `# A revq tokenizer for transformers.js

${models.join("")}${leftOut.map((line) => `- left out: ${line}\n`).join("")}- \`config.json\`: \`tokens\` has codebook sizes, the group of every token, and where tokens lie
- \`preprocessor_config.json\`: the centre crop of ${size} x ${size} pixels

n is any number of images. In Node and in a browser, with the package \`${reader}\`:

\`\`\`js
import { AutoModel, ${encodes ? "AutoProcessor, " : ""}RawImage${decodes ? ", Tensor" : ""} } from "${reader}";

const folder = "./THIS_FOLDER"; // in Node begin with ./ or /: other names are of models on the hub
${encodes ? encoding : ""}${decodes ? decoding(encodes === true, layout.count, size) : ""}\`\`\`

In a browser, allow a folder of the page before that; it is an address below the page's:

\`\`\`js
import { env } from "${reader}";
env.allowLocalModels = true;
env.localModelPath = new URL(".", document.baseURI).href;
\`\`\`

The library warns of a model class that it does not know; the base class, which it then takes, runs these models.
Its processor resizes by Lanczos in Node. In a browser it resizes as the browser does: resize the image to ${size}
pixels before, by another library, if ids are to be those of \`revq encode\`. Do not use \`dtype\` q8 or q4: quantized
weights give other ids.
`;
}

const encoding = `const processor = await AutoProcessor.from_pretrained(folder);
const encoder = await AutoModel.from_pretrained(folder, { model_file_name: "encoder_model" });
const { pixel_values } = await processor(await RawImage.read("photo.jpg"));
const { image_codes } = await encoder({ pixel_values });
`;

const decoding = (hasCodes: boolean, tokens: number, size: number): string => `
const decoder = await AutoModel.from_pretrained(folder, { model_file_name: "decoder_model" });
${hasCodes ? "" : `const image_codes = new Tensor("int32", new Int32Array(${tokens}), [1, ${tokens}]); // yours\n`}const { pixel_values: decoded } = await decoder({ image_codes });
const bytes = decoded.add(1).mul(127.5).clamp(0, 255).round().to("uint8");
const image = RawImage.fromTensor(new Tensor("uint8", bytes.data, [3, ${size}, ${size}]));
await image.save("again.png"); // in a browser: image.toCanvas()
`;
