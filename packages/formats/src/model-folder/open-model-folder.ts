/**
 * Opens a model as diffusers' `save_pretrained` writes it: `config.json` beside
 * `diffusion_pytorch_model.safetensors`. The weights may be in shards with an index, in full
 * precision or of the variant `fp16`. They are in the place itself or, in a pipeline, below `vae/`.
 * Safetensors files of other names are not considered.
 */
import { RevqError, type ByteSource, type WeightsSource } from "@revq/core";
import { readAll } from "../bytes/byte-source.js";
import { openPth } from "../pth/open.js";
import { openSafetensors } from "../safetensors/read.js";
import { shortList } from "../short-list.js";
import type { TensorFile } from "../tensor-file.js";
import { openShards } from "./shards.js";

export interface ModelFolder {
  /** `config.json`; null when there is none. */
  readonly config: { readonly name: string; readonly json: Record<string, unknown> } | null;
  readonly weights: TensorFile;
  /** Closes every file. Nothing can be read afterwards. */
  close(): Promise<void>;
}

/** Full precision first. Versions of diffusers differ in the name of a variant's index. */
const weightFiles = [
  "diffusion_pytorch_model.safetensors",
  "diffusion_pytorch_model.safetensors.index.json",
  "diffusion_pytorch_model.fp16.safetensors",
  "diffusion_pytorch_model.safetensors.index.fp16.json",
  "diffusion_pytorch_model.fp16.safetensors.index.json",
  "diffusion_pytorch_model.bin",
] as const;

/** Folders that may hold a VAE: the place itself, or `vae/` of a pipeline. */
const folders = ["", "vae/"] as const;

const tensorFileName = /\.(safetensors|pth|pt|bin|ckpt)$/;

/**
 * @param model for messages: "an AutoencoderKL"
 * @throws RevqError `model-folder-weights` (the message lists the files that are there),
 * `model-config` when config.json is not a JSON object, and the errors of the files themselves
 */
export async function openModelFolder(source: WeightsSource, model: string): Promise<ModelFolder> {
  const found = await findModel(source, model);
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
    const config = await readConfig(source, found);
    const { file, names } = found;
    const weights = file.endsWith(".json")
      ? await openShards(file, await readText(source, file), names, openFile)
      : await openFile(file);
    return { config, weights, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The contents of a model's config.json. The weights are not opened.
 * @param model for messages: "an AutoencoderKL"
 * @throws RevqError `model-folder-weights`, `model-config`
 */
export async function readModelConfig(source: WeightsSource, model: string): Promise<Record<string, unknown>> {
  return requireConfig({ config: await readConfig(source, await findModel(source, model)) }, source);
}

/** The configuration of an open model. Throws `model-config` when the place has none. */
export function requireConfig({ config }: Pick<ModelFolder, "config">, source: WeightsSource): Record<string, unknown> {
  if (config) return config.json;
  throw new RevqError("model-config", `${source.spec} has no config.json, so the shape of the network is unknown.`, {
    fix: "Name the folder that holds config.json and the weights.",
    setting: { path: "backbone.weights" },
  });
}

interface FoundModel {
  /** "" or a path that ends in a slash. */
  readonly folder: string;
  /** The weights, or the index of their shards. */
  readonly file: string;
  /** Every file of the place. */
  readonly names: readonly string[];
}

async function findModel(source: WeightsSource, model: string): Promise<FoundModel> {
  const names = await source.list();
  const [only] = names;
  if (names.length === 1 && tensorFileName.test(only!)) return { folder: "", file: only!, names };
  for (const folder of folders) {
    const file = weightFiles.find((candidate) => names.includes(folder + candidate));
    if (file) return { folder, file: folder + file, names };
  }
  throw new RevqError(
    "model-folder-weights",
    `${source.spec} has no weights of ${model}: expected ${weightFiles[0]} beside config.json, found ${shortList(names)}.`,
    {
      fix: "Name the model's own folder (in a diffusers pipeline the one that holds vae/), or the weights file itself.",
      setting: { path: "backbone.weights" },
    },
  );
}

async function readConfig(source: WeightsSource, { folder, names }: FoundModel): Promise<ModelFolder["config"]> {
  const name = `${folder}config.json`;
  if (!names.includes(name)) return null;
  return { name, json: parseObject(await readText(source, name), `${source.spec}/${name}`) };
}

function parseObject(text: string, name: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // The error below names the file.
  }
  throw new RevqError("model-config", `${name} is not a JSON object.`, { fix: "Get the file again from its source." });
}

async function readText(source: WeightsSource, name: string): Promise<string> {
  const bytes = await source.open(name);
  try {
    return new TextDecoder().decode(await readAll(bytes));
  } finally {
    await bytes.close?.();
  }
}
