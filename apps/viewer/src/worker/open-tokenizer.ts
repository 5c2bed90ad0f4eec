/**
 * Opens a tokenizer for a slot. Without its backbone the page shows the codebooks, and says why
 * there are no images.
 */
import { isRevqError, RevqError, type WeightsSource } from "@revq/core";
import { readAll } from "@revq/formats";
import { configFile, isRelativePath, modelFile, parseTokenizerConfig, Tokenizer } from "@revq/tokenizer";
import type { Problem, TokenizerDescription, TokenizerSource } from "../protocol/messages.js";
import { problemOf } from "../protocol/server.js";
import { findFootprints } from "./footprints.js";
import { pluginsFor } from "./plugins.js";
import { droppedFolder, remoteFolder, remoteSource, type OpenContext } from "./sources/weights-sources.js";

export interface OpenTokenizer {
  readonly tokenizer: Tokenizer;
  readonly description: TokenizerDescription;
}

export async function openTokenizer(source: TokenizerSource, context: OpenContext): Promise<OpenTokenizer> {
  const folder = await folderOf(source, context);
  const config = await readConfig(folder);
  const plugins = await pluginsFor(config);
  const openWeights = (spec: string): Promise<WeightsSource> => weightsOf(source, spec, context);
  let noImages: Problem | null = config.backbone
    ? null
    : {
        code: "tokenizer-of-latents",
        message: "This tokenizer was trained on latents alone. It has no backbone, so there is no image to show.",
        fix: "Look at its codebooks, or train a tokenizer with a backbone.",
      };
  let tokenizer: Tokenizer;
  try {
    const decoder = source.kind === "url" && source.decoderWeights ? { decoderWeights: servedDecoder } : {};
    tokenizer = await Tokenizer.load(folder, { plugins, openWeights, backbone: noImages === null, ...decoder });
  } catch (error) {
    context.signal.throwIfAborted();
    if (noImages !== null || !isBackboneProblem(error)) throw error;
    noImages = problemOf(error);
    tokenizer = await Tokenizer.load(folder, { plugins, openWeights, backbone: false });
  }
  try {
    const backbone = tokenizer.parts.backbone?.spec ?? null;
    if (backbone && !backbone.decodes) {
      noImages = {
        code: "backbone-cannot-decode",
        message: `The backbone ${backbone.name} has an encoder only: images can be tokenized but not decoded.`,
        fix: null,
      };
    }
    const description: TokenizerDescription = {
      name: source.name,
      config,
      backbone: backbone?.name ?? null,
      noImages,
      latentShape: config.latentShape,
      layout: tokenizer.layout,
      vocabulary: tokenizer.vocabulary(),
      bitsPerImage: tokenizer.bitsPerImage,
      footprints: await findFootprints(tokenizer.parts),
    };
    return { tokenizer, description };
  } catch (error) {
    tokenizer.dispose();
    throw error;
  }
}

async function folderOf(source: TokenizerSource, context: OpenContext): Promise<WeightsSource> {
  if (source.kind === "files") return droppedFolder(source.name, source.files, context);
  if (!isUrl(source.url)) return remoteSource(source.url, context);
  return remoteFolder(source.url, [configFile, modelFile], context);
}

async function readConfig(folder: WeightsSource): Promise<ReturnType<typeof parseTokenizerConfig>> {
  if (!(await folder.list()).includes(configFile)) {
    throw new RevqError("not-a-tokenizer", `${folder.spec} is not a tokenizer: it has no ${configFile}.`, {
      fix: "Open the folder of a tokenizer.",
    });
  }
  const file = await folder.open(configFile);
  return parseTokenizerConfig(new TextDecoder().decode(await readAll(file)), `${folder.spec}/${configFile}`);
}

/** Stands for the weights that the server has of another VAE's decoder. */
const servedDecoder = "the decoder's weights";

async function weightsOf(source: TokenizerSource, spec: string, context: OpenContext): Promise<WeightsSource> {
  if (source.kind === "files") {
    if (source.weights.length > 0) return droppedFolder("the chosen weights", source.weights, context);
    if (!isRemote(spec))
      throw missingWeights(spec, "Choose the backbone's files, or train with the backbone embedded.");
    return remoteSource(spec, context);
  }
  if (source.decoderWeights && spec === servedDecoder)
    return remoteFolder(source.decoderWeights.url, source.decoderWeights.files, context);
  if (source.weights) return remoteFolder(source.weights.url, source.weights.files, context);
  if (isRemote(spec)) return remoteSource(spec, context);
  if (isRelativePath(spec) && isUrl(source.url)) return remoteSource(new URL(spec, source.url).href, context);
  throw missingWeights(spec, "Open it with `revq view`, or train with the backbone embedded.");
}

function isUrl(spec: string): boolean {
  return /^https?:/i.test(spec);
}

function isRemote(spec: string): boolean {
  return isUrl(spec) || spec.startsWith("hf:");
}

function missingWeights(spec: string, fix: string): RevqError {
  return new RevqError(
    "weights-elsewhere",
    `The backbone's weights are not in the tokenizer's folder; it names "${spec}", which this page cannot open.`,
    { fix },
  );
}

/** Whether the tokenizer can be opened without its backbone after this. */
function isBackboneProblem(error: unknown): boolean {
  if (!isRevqError(error)) return false;
  if (error.code === "plugin-unknown") return error.message.includes("backbone");
  return !/^(tokenizer-|not-a-tokenizer|safetensors-|state-|plugin-options)/.test(error.code);
}
