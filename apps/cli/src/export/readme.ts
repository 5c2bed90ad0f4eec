/** The README.md beside exported files: what they take and give. */
import { pluginKinds } from "@revq/core";
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

/** What runs ONNX files in a browser: a package of the page, not of this one. */
const browserRuntime = "onnxruntime-web";

/** @param name of the folder; its plugins are named, because bundlers must see what they bundle */
export function tfjsReadme({ backbone, quantizer, rectifier }: TokenizerConfig, name: string): string {
  const used = [backbone, quantizer, rectifier].flatMap((plugin, i) =>
    plugin
      ? [{ identifier: identifierOf(plugin.id), from: plugin.package ?? `@revq/${pluginKinds[i]}-${plugin.id}` }]
      : [],
  );
  const packages = [...new Set(["@revq/tokenizer", "@revq/engine", ...used.map(({ from }) => from)])];
  const backends = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-webgpu", "@tensorflow/tfjs-backend-wasm"];
  const isOnnx = backbone?.id === "onnx";
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
TensorFlow.js (WebGPU, WebAssembly). Put it behind any web server, beside a page that is bundled out of what follows and a folder
\`wasm/\` with the \`.wasm\` files of \`node_modules/@tensorflow/tfjs-backend-wasm/wasm-out\`.

\`\`\`sh
npm install ${[...packages, ...backends].join(" ")}
\`\`\`

\`\`\`ts
${head.join("\n")}
${backbone ? withPictures : withLatents}\`\`\`
`;
}

const withPictures = `const bitmap = await createImageBitmap(await (await fetch("photo.png")).blob());
const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
const context = canvas.getContext("2d")!;
context.drawImage(bitmap, 0, 0);
const ids = await tokenizer.encode(context.getImageData(0, 0, canvas.width, canvas.height)); // Int32Array
const [picture] = await tokenizer.decode(ids, bitmap);
context.putImageData(new ImageData(picture!.data, bitmap.width, bitmap.height), 0, 0);
`;

const withLatents = `const ids = await tokenizer.encodeLatents(latents); // tensors: [n, h, w, c] -> [n, t]
const again = tokenizer.decodeLatents(ids);
`;

/** What a plugin is called where it is exported: "sd-vae" is sdVae. */
function identifierOf(id: string): string {
  return id.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
