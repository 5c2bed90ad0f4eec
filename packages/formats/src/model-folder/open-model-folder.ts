/**
 * Opens a model as diffusers' `save_pretrained` writes it: `config.json` beside `diffusion_pytorch_model.safetensors`, whole or in
 * shards with an index, in full precision or as the variant `fp16`; at the place itself or, in a pipeline, below `vae/`. Other
 * safetensors files are never taken for it.
 */
import { RevqError, type ByteSource, type WeightsSource } from "@revq/core";
import { readAll } from "../bytes/byte-source.js";
import { openPth } from "../pth/open.js";
import { openSafetensors } from "../safetensors/read.js";
import type { TensorFile } from "../tensor-file.js";
import { openShards } from "./shards.js";

export interface ModelFolder {
  /** `config.json`; null when the place is a single file, or has none. */
  readonly config: { readonly name: string; readonly json: Record<string, unknown> } | null;
  readonly weights: TensorFile;
  /** Closes every file; nothing can be read afterwards. */
  close(): Promise<void>;
}

/** Full precision first. The index of a variant is named in either way, by version of the library. */
const weightFiles = [
  "diffusion_pytorch_model.safetensors",
  "diffusion_pytorch_model.safetensors.index.json",
  "diffusion_pytorch_model.fp16.safetensors",
  "diffusion_pytorch_model.safetensors.index.fp16.json",
  "diffusion_pytorch_model.fp16.safetensors.index.json",
  "diffusion_pytorch_model.bin",
] as const;

/** Where in the place a VAE may be: it is the model itself, or part of a pipeline. */
const folders = ["", "vae/"] as const;

const tensorFileName = /\.(safetensors|pth|pt|bin|ckpt)$/;

/**
 * Throws `model-folder-weights` when no such file is there (what is there is listed), `model-config` when config.json is not a JSON
 * object, and the errors of the files themselves.
 * @param model for messages: "an AutoencoderKL"
 */
export async function openModelFolder(source: WeightsSource, model: string): Promise<ModelFolder> {
  const names = await source.list();
  const [only] = names;
  if (names.length === 1 && tensorFileName.test(only!)) return open(source, "", only!, names);
  for (const folder of folders) {
    const file = weightFiles.find((candidate) => names.includes(folder + candidate));
    if (file) return open(source, folder, folder + file, names);
  }
  const shown = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length} files)` : "");
  throw new RevqError(
    "model-folder-weights",
    `${source.spec} has no weights of ${model}: expected ${weightFiles[0]} beside config.json, there ${names.length ? `is ${shown}` : "are no files"}.`,
    {
      fix: "Name the model's own folder (in a diffusers pipeline the one that holds vae/), or the weights file itself.",
    },
  );
}

async function open(
  source: WeightsSource,
  folder: string,
  file: string,
  names: readonly string[],
): Promise<ModelFolder> {
  const opened: ByteSource[] = [];
  const openFile = async (name: string): Promise<TensorFile> => {
    const bytes = await source.open(name);
    opened.push(bytes);
    return name.endsWith(".safetensors") ? openSafetensors(bytes) : openPth(bytes);
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((bytes) => bytes.close?.()));
  };
  try {
    const configName = `${folder}config.json`;
    const config = names.includes(configName)
      ? { name: configName, json: parseObject(await readText(source, configName), `${source.spec}/${configName}`) }
      : null;
    const weights = file.endsWith(".json")
      ? await openShards(file, await readText(source, file), names, openFile)
      : await openFile(file);
    return { config, weights, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function parseObject(text: string, name: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new RevqError("model-config", `${name} is not a JSON object.`, { fix: "Get the file again from its source." });
}

/** What config.json says; throws `model-config` when the place has none. */
export function requireConfig(model: ModelFolder, source: WeightsSource): Record<string, unknown> {
  if (model.config) return model.config.json;
  throw new RevqError("model-config", `${source.spec} has no config.json, so the shape of the network is not known.`, {
    fix: "Name the folder that holds config.json and the weights.",
  });
}

async function readText(source: WeightsSource, name: string): Promise<string> {
  const bytes = await source.open(name);
  try {
    return new TextDecoder().decode(await readAll(bytes));
  } finally {
    await bytes.close?.();
  }
}
