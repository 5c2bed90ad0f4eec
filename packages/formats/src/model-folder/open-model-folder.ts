/**
 * Opens a model: its weights, in one file or in shards with an index, and the `config.json` beside
 * them if there is one. `find-model.ts` chooses the file.
 */
import { RevqError, type ByteSource, type WeightsSource } from "@revq/core";
import { readAll } from "../bytes/byte-source.js";
import { openTensorFile } from "../open-tensor-file.js";
import { shortList } from "../short-list.js";
import type { TensorFile } from "../tensor-file.js";
import { autoencoderKind, refuseOtherKind } from "./autoencoder-kind.js";
import { findModel, type FoundModel } from "./find-model.js";
import { openShards } from "./shards.js";

export interface ModelFolder {
  /** `config.json`; null when there is none. */
  readonly config: { readonly name: string; readonly json: Record<string, unknown> } | null;
  readonly weights: TensorFile;
  /** Closes every file. Nothing can be read afterwards. */
  close(): Promise<void>;
}

/**
 * @param model for messages: "an AutoencoderKL"
 * @param note is told when one of several files was chosen
 * @throws RevqError `model-other-kind`, `model-folder-weights` (the message lists the files that are there),
 * `model-config` when config.json is not a JSON object, and the errors of the files themselves
 */
export async function openModelFolder(
  source: WeightsSource,
  model: string,
  note: (line: string) => void = () => {},
): Promise<ModelFolder> {
  const found = findModel(await source.list(), source.spec, model);
  const opened: ByteSource[] = [];
  const isAlone = found.names.length === 1;
  const openFile = async (name: string): Promise<TensorFile> => {
    const bytes = (isAlone && name !== found.file && (await source.beside?.(name))) || (await source.open(name));
    opened.push(bytes);
    return openTensorFile(bytes);
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((bytes) => bytes.close?.()));
  };
  try {
    const config = await readConfig(source, found);
    const { file, names } = found;
    const weights = file.endsWith(".json")
      ? await openShards(file, await readText(source, file), isAlone && source.beside ? null : names, openFile)
      : await openFile(file);
    refuseOtherKind(source.spec, autoencoderKind(config?.json["_class_name"], weights.tensors.keys()), model);
    if (found.others.length > 0)
      note(`${source.spec}: using the weights ${file}; not used are ${shortList(found.others, 4)}.`);
    return { config, weights, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The contents of a model's config.json. The weights are not opened.
 * @param model for messages: "an AutoencoderKL"
 * @throws RevqError `model-other-kind`, `model-folder-weights`, `model-config`
 */
export async function readModelConfig(source: WeightsSource, model: string): Promise<Record<string, unknown>> {
  const config = await readConfig(source, findModel(await source.list(), source.spec, model));
  refuseOtherKind(source.spec, autoencoderKind(config?.json["_class_name"], []), model);
  return requireConfig({ config }, source);
}

/** The configuration of an open model. Throws `model-config` when the place has none. */
export function requireConfig({ config }: Pick<ModelFolder, "config">, source: WeightsSource): Record<string, unknown> {
  if (config) return config.json;
  throw new RevqError("model-config", `${source.spec} has no config.json, so the shape of the network is unknown.`, {
    fix: "Name the folder that holds config.json and the weights.",
    setting: { path: "backbone.weights" },
  });
}

async function readConfig(source: WeightsSource, { folder, names }: FoundModel): Promise<ModelFolder["config"]> {
  const name = `${folder}config.json`;
  if (!names.includes(name)) return configBeside(source);
  return { name, json: parseObject(await readText(source, name), `${source.spec}/${name}`) };
}

/**
 * Of a single file: that of an autoencoder. Other programs keep a config.json of their own beside
 * such files.
 */
async function configBeside(source: WeightsSource): Promise<ModelFolder["config"]> {
  const name = "config.json";
  const bytes = await source.beside?.(name);
  if (!bytes) return null;
  try {
    const json = parseObject(new TextDecoder().decode(await readAll(bytes)), name);
    const className = json["_class_name"];
    return typeof className === "string" && className.startsWith("Autoencoder") ? { name, json } : null;
  } catch {
    return null;
  } finally {
    await bytes.close?.();
  }
}

function parseObject(text: string, name: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // The error below names the file.
  }
  const hasNaN = /:\s*(NaN|-?Infinity)\b/.exec(text)?.[1];
  throw new RevqError("model-config", `${name} is not a JSON object${hasNaN ? `: it holds ${hasNaN}` : ""}.`, {
    fix: hasNaN
      ? `Python writes ${hasNaN}, which is not JSON: replace it by null.`
      : "Get the file again from its source.",
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
