/** The README.md of exported files: their inputs and outputs. */
import { pluginsOf, type Tokenizer, type TokenizerConfig } from "@revq/tokenizer";
import type { OnnxExport } from "./onnx-export.js";

export function onnxReadme(
  { config: { latentShape, imageSize }, layout }: Pick<Tokenizer, "config" | "layout">,
  { kind, leftOut }: OnnxExport,
  batch: number,
): string {
  const planes = imageSize
    ? `[${batch}, 3, ${imageSize}, ${imageSize}] float32 in [-1, 1]`
    : `[${batch}, ${latentShape}] float32`;
  return `# A revq tokenizer as ONNX models

- \`encoder.onnx\`: \`${kind}\` ${planes} -> \`ids\` [${batch}, ${layout.count}] int32, the code of every token in its group
- \`decoder.onnx\`: \`ids\` -> \`${kind}\` ${planes}, not clamped
- \`vocabulary.json\`: codebook sizes, the group of every token, where tokens lie. Both models take codes; ids of one
  vocabulary for a language model are \`codes + codebookOffsets[groupOf]\` (both in its \`layout\`)
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
\`quantizer.embeddings\` are the codebooks [groups, codes, d]. \`quantizer.index_offset\` holds, for each token, where its
codebook starts among all codes. \`decoder.\` is the rectifier, with the names of the authors' code: remove the prefix for
\`rectifier.load_state_dict\`. \`transform.\` is the transform between the latent in its metric and the codebooks. Where there is
\`metric.matrix\` [c, c], the metric is that matrix times (latent - \`mean\`) at every position, else \`metric\` of \`config.json\` names it.
\`adapted_backbone.\`, where there is one, replaces tensors of the VAE when it decodes.
\`config.json\` (\`quantizer.options\`) describes how latents are cut into tokens; \`vocabulary.json\` says where tokens lie
and which codes they have.

| tensor | shape |
|---|---|
${rows.join("\n")}
`;
}

/** Runs ONNX files in a browser: a dependency of the page, not of this package. */
const browserRuntime = "onnxruntime-web";

/** @param name of the folder. The text names the plugins, because bundlers bundle only what a page imports. */
export function tfjsReadme(config: TokenizerConfig, name: string): string {
  const { backbone } = config;
  const used = pluginsOf(config).map(({ kind, id, package: from }) => ({
    identifier: identifierOf(id),
    from: from ?? `@revq/${kind}-${id}`,
  }));
  const packages = [...new Set(["@revq/tokenizer", "@revq/engine", ...used.map(({ from }) => from)])];
  const backends = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-webgpu", "@tensorflow/tfjs-backend-wasm"];
  const isOnnx = backbone?.id === "onnx" || backbone?.decoder?.id === "onnx";
  if (isOnnx) backends.push(browserRuntime);
  const head = [
    'import { createEngine } from "@revq/engine";',
    ...used.map(({ identifier, from }) => `import { ${identifier} } from "${from}";`),
    'import { Tokenizer } from "@revq/tokenizer";',
    ...(isOnnx ? ['import { useOnnxRuntime } from "@revq/backbone-onnx";'] : []),
    "",
    ...(isOnnx ? [`useOnnxRuntime(() => import("${browserRuntime}/webgpu"));`] : []),
    'await createEngine({ wasmPath: "wasm/" }); // or a backend of tfjs that the page has set already',
    `const tokenizer = await Tokenizer.load(new URL("${name}/", location.href), {`,
    `  plugins: [${used.map(({ identifier }) => identifier).join(", ")}],`,
    "});",
    "",
  ];
  return `# A revq tokenizer for the browser

The tokenizer${backbone ? " with its VAE" : ", which maps latents,"} in one folder, for [@revq/tokenizer](https://www.npmjs.com/package/@revq/tokenizer) on any backend of
TensorFlow.js (WebGPU, WebAssembly). Serve three things from any web server: this folder, a page that bundles the code
below, and a folder \`wasm/\` with the \`.wasm\` files of \`node_modules/@tensorflow/tfjs-backend-wasm/wasm-out\`.

\`\`\`sh
npm install ${[...packages, ...backends].join(" ")}
\`\`\`

\`\`\`ts
${head.join("\n")}
${backbone ? withImages : withLatents}\`\`\`
`;
}

const withImages = `const bitmap = await createImageBitmap(await (await fetch("photo.png")).blob());
const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
const context = canvas.getContext("2d")!;
context.drawImage(bitmap, 0, 0);
const ids = await tokenizer.encode(context.getImageData(0, 0, canvas.width, canvas.height)); // Int32Array
const [image] = await tokenizer.decode(ids, bitmap);
context.putImageData(new ImageData(image!.data, bitmap.width, bitmap.height), 0, 0);
`;

const withLatents = `const ids = await tokenizer.encodeLatents(latents); // tensors: [n, h, w, c] -> [n, t]
const again = tokenizer.decodeLatents(ids);
`;

/** The export name of a plugin: "sd-vae" is sdVae. */
function identifierOf(id: string): string {
  return id.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
