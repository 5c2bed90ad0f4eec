/** The files of a tokenizer that belong on a hub. */
import { RevqError } from "@revq/core";
import { configFile, modelFile } from "@revq/tokenizer";
import type { FileToUpload } from "@revq/formats/node";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";

export interface HubFile extends FileToUpload {
  /** In bytes. */
  readonly size: number;
}

const card = "README.md";

/** What a tokenizer, or an export of one, consists of. A run's state and pictures stay at home. */
const published =
  /^(config\.json|vocabulary\.json|preprocessor_config\.json|model\.safetensors|[a-z_]+\.py|(onnx\/)?[a-z_]+\.onnx)$/;

/** The folder's files, the model card first. Throws `not-a-tokenizer`. */
export async function hubFiles(folder: string): Promise<HubFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new RevqError("not-a-tokenizer", `${folder} is no folder that can be read.`, { fix, cause });
  });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split("\\").join("/"))
    .filter((path) => published.test(path))
    .sort();
  if (!paths.includes(configFile) || !paths.some((path) => path === modelFile || path.endsWith(".onnx"))) {
    throw new RevqError("not-a-tokenizer", `${folder} is not a tokenizer: ${configFile} or ${modelFile} is missing.`, {
      fix,
    });
  }
  const text = withFrontMatter(await readFile(join(folder, card), "utf8").catch(() => "# A revq tokenizer\n"));
  const files = paths.map(async (path): Promise<HubFile> => {
    const file = join(folder, path);
    return { path, content: { file }, size: (await stat(file)).size };
  });
  return [{ path: card, content: text, size: Buffer.byteLength(text) }, ...(await Promise.all(files))];
}

const fix = "Name a folder that `revq train` or `revq export` wrote.";

/** The YAML by which the hub files a model. A card that has its own keeps it. */
export function withFrontMatter(text: string): string {
  if (text.startsWith("---\n")) return text;
  const tags = ["image-tokenizer", "vector-quantization", "vae"].map((tag) => `  - ${tag}\n`).join("");
  return `---\nlibrary_name: revq\ntags:\n${tags}---\n\n${text}`;
}
