/** The README.md of exported files: their inputs and outputs. */
import { pluginsOf, type Tokenizer, type TokenizerConfig } from "@revq/tokenizer";

export function pytorchReadme({ config, layout }: Pick<Tokenizer, "config" | "layout">): string {
  const { imageSize, backbone } = config;
  const latents = `[n, ${config.latentShape.join(", ")}]`;
  const images = backbone && imageSize !== null ? `[n, 3, ${imageSize}, ${imageSize}]` : null;
  return `# A revq tokenizer for PyTorch

\`tokenizer.py\` computes what revq computes. It needs torch, safetensors and Pillow.

\`\`\`python
import sys; sys.path.insert(0, "THIS_FOLDER")
${images ? "from PIL import Image\n" : ""}from tokenizer import RevqTokenizer

tokenizer = RevqTokenizer.from_pretrained("THIS_FOLDER").to("cpu")
${images ? withPictures(images, layout.count) : withoutPictures(latents, layout.count)}\`\`\`

Ids are codes: ${sizesText(layout.codebookSizes)} \`tokens\` of config.json says which group a token has
(\`groupOf\`), and where it lies (\`grid\`). Ids of one vocabulary for a language model are
\`ids + torch.tensor(codebookOffsets)[groupOf]\`, as \`revq encode --offset-groups\` writes them.
\`decode_latents\` and \`encode_latents\` leave the VAE out. Compute in float32: in half precision ids differ.

With transformers, the same by \`AutoModel.from_pretrained("THIS_FOLDER", trust_remote_code=True)\`: it runs
\`modeling_revq.py\` of this folder.

\`model.safetensors\` holds all weights${backbone ? ", the VAE's too" : ""}; \`modules\` of config.json names the class of every part and its sizes.
`;
}

const withPictures = (
  images: string,
  tokens: number,
): string => `pixels = tokenizer.preprocess(Image.open("photo.jpg"))  # float32 ${images.replace("n, ", "")} in [-1, 1]
ids = tokenizer.encode(pixels[None])                    # int64 [1, ${tokens}], as \`revq encode\` writes them
images = tokenizer.decode(ids)                          # float32 ${images}, about [-1, 1]
tokenizer.postprocess(images[0]).save("again.png")
`;

const withoutPictures = (
  latents: string,
  tokens: number,
): string => `ids = tokenizer.encode_latents(latents)  # float32 ${latents} -> int64 [n, ${tokens}], as \`revq encode\` writes them
latents = tokenizer.decode_latents(ids)
`;

function sizesText(sizes: readonly number[]): string {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const each = least === most ? `${least} codes` : `${least} to ${most} codes`;
  return sizes.length === 1 ? `all tokens share one codebook of ${each}.` : `${sizes.length} codebooks of ${each}.`;
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
