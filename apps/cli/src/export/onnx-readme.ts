/** The README.md beside ONNX models. */
import type { Tokenizer } from "@revq/tokenizer";
import type { OnnxExport } from "./onnx-export.js";

export function onnxReadme(
  { config: { latentShape, imageSize }, layout }: Pick<Tokenizer, "config" | "layout">,
  { kind, files, leftOut, fixedBatch }: OnnxExport,
): string {
  const planesOf = (file: string): string => {
    const batch = fixedBatch[file] ?? "n";
    return imageSize
      ? `[${batch}, 3, ${imageSize}, ${imageSize}] float32 in [-1, 1]`
      : `[${batch}, ${latentShape.join(", ")}] float32`;
  };
  const idsOf = (file: string): string => `[${fixedBatch[file] ?? "n"}, ${layout.count}] int32`;
  const models = [
    `- \`encoder.onnx\`: \`${kind}\` ${planesOf("encoder.onnx")} -> \`ids\` ${idsOf("encoder.onnx")}, the code of every token in its group\n`,
    `- \`decoder.onnx\`: \`ids\` ${idsOf("decoder.onnx")} -> \`${kind}\` ${planesOf("decoder.onnx")}, not clamped\n`,
  ].filter((line) => files.some((file) => line.includes(file)));
  return `# A revq tokenizer as ONNX models

${models.join("")}${leftOut.map((line) => `- left out: ${line}\n`).join("")}- \`config.json\`: \`tokens\` has codebook sizes, the group of every token, and where tokens lie. Both models take codes;
  ids of one vocabulary for a language model are \`codes + codebookOffsets[groupOf]\`. \`vocabulary.json\` says the same

n is any number of ${kind}. Operators are those of the ONNX standard, set 18.

\`\`\`python
${imageSize ? pixels(imageSize) : ""}import onnxruntime
ids = onnxruntime.InferenceSession("encoder.onnx").run(None, {"${kind}": ${kind}})[0]
${kind} = onnxruntime.InferenceSession("decoder.onnx").run(None, {"ids": ids})[0]
\`\`\`
${imageSize ? "\nThe pixels are those of revq: Pillow's LANCZOS, the centre crop. Another filter gives other ids.\n" : ""}`;
}

/** Pillow's resize and crop, as revq does it (\`centreCrop\`). */
function pixels(size: number): string {
  return `import numpy
from PIL import Image
photo = Image.open("photo.jpg").convert("RGB")
width, height = (side * ${size} // min(photo.size) for side in photo.size)
left, top = round((width - ${size}) / 2), round((height - ${size}) / 2)
photo = photo.resize((width, height), Image.Resampling.LANCZOS).crop((left, top, left + ${size}, top + ${size}))
images = (numpy.asarray(photo).transpose(2, 0, 1)[None] / 127.5 - 1).astype("float32")
`;
}
