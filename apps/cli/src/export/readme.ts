/** The README.md beside exported files: what they take and give. */
import type { TokenizerConfig } from "@revq/tokenizer";
import type { OnnxExport } from "./to-onnx.js";

export function onnxReadme(
  { latentShape, imageSize, tokens }: TokenizerConfig,
  { kind, leftOut }: OnnxExport,
  batch: number,
): string {
  const planes = imageSize
    ? `[${batch}, 3, ${imageSize}, ${imageSize}] float32 in [-1, 1]`
    : `[${batch}, ${latentShape}] float32`;
  return `# A revq tokenizer as ONNX models

- \`encoder.onnx\`: \`${kind}\` ${planes} -> \`ids\` [${batch}, ${tokens.tokens}] int32, the code of every token in its group
- \`decoder.onnx\`: \`ids\` -> \`${kind}\` ${planes}, not clamped
${leftOut.map((line) => `- left out: ${line}\n`).join("")}
Shapes are fixed. Operators are those of the ONNX standard, set 18.

\`\`\`python
import onnxruntime
ids = onnxruntime.InferenceSession("encoder.onnx").run(None, {"${kind}": ${kind}})[0]
${kind} = onnxruntime.InferenceSession("decoder.onnx").run(None, {"ids": ids})[0]
\`\`\`
`;
}

export function pytorchReadme(names: Readonly<Record<string, readonly number[]>>): string {
  const rows = Object.entries(names).map(([name, shape]) => `| \`${name}\` | ${shape.join(" x ") || "scalar"} |`);
  return `# A revq tokenizer for PyTorch

\`safetensors.torch.load_file("tokenizer.safetensors")\`. \`mean\` and \`std\` standardize a latent flattened as (c, y, x);
\`quantizer.embeddings\` are the codebooks [groups, codes, d], \`quantizer.index_offset\` where each token's codebook starts among all
codes; \`decoder.\` is the rectifier, by the names of the authors' code (\`rectifier.load_state_dict\` of what is below it). How latents are
cut into tokens is in \`config.json\` (\`quantizer.options\`).

| tensor | shape |
|---|---|
${rows.join("\n")}
`;
}

export function tfjsReadme(): string {
  return `# A revq tokenizer for the browser

The tokenizer with its VAE in one folder, for [@revq/tokenizer](https://www.npmjs.com/package/@revq/tokenizer) on any TensorFlow.js
backend (WebGPU, WASM). Put it behind any web server:

\`\`\`ts
import { Tokenizer } from "@revq/tokenizer";

const tokenizer = await Tokenizer.load(new URL("my-tokenizer/", location.href));
const ids = await tokenizer.encode(picture);
const [again] = await tokenizer.decode(ids);
\`\`\`
`;
}
