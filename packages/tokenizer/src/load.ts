/**
 * Opens a tokenizer folder: reads its two files, creates the plugins, compares the backbone's
 * fingerprint.
 */
import {
  createRandom,
  latentShapeFromArray,
  parseOptions,
  RevqError,
  underPrefix,
  type Backbone,
  type Disposable,
  type NamedTensors,
  type Plugin,
  type PluginRegistry,
  type ReportProgress,
  type WeightsSource,
} from "@revq/core";
import { openSafetensors } from "@revq/formats";
import { openWeights as openAnyWeights } from "@revq/formats/weights";
import * as tf from "@tensorflow/tfjs-core";
import { currentTensorName, parseTokenizerConfig, type TokenizerConfig } from "./config.js";
import { createBackbone } from "./create-backbone.js";
import { checkDecoder, createAdaptedDecoder, type AdaptedDecoder } from "./decoder.js";
import { ensureEngine } from "./ensure-engine.js";
import { findPlugins } from "./find-plugins.js";
import { LatentSpace } from "./latent-space.js";
import { choiceOf, loadBackbone } from "./load-backbone.js";
import { metricFromState } from "./metric.js";
import type { TokenizerParts } from "./parts.js";
import { configFile, modelFile } from "./save.js";
import { Standardizer } from "./standardizer.js";

export interface LoadTokenizerOptions {
  /**
   * The plugins. Missing ones are imported by name. Bundlers cannot do that, so bundled programs
   * name all of them.
   */
  readonly plugins?: PluginRegistry | readonly Plugin[];
  /**
   * Opens the tokenizer's folder and the weights that config.json names. Default: files (in Node),
   * URLs and `hf:…`.
   */
  readonly openWeights?: (spec: string) => Promise<WeightsSource>;
  /** Where the backbone's weights are. Wins over config.json. */
  readonly weights?: string;
  /** Where the weights of another VAE's decoder are, if the tokenizer has one. Wins over config.json. */
  readonly decoderWeights?: string;
  /** False: no backbone. The tokenizer then maps latents only. Default true. */
  readonly backbone?: boolean;
  /** Reports downloads. Used by the default `openWeights` only. */
  readonly report?: ReportProgress;
  readonly signal?: AbortSignal;
}

type Ready = Omit<LoadTokenizerOptions, "plugins" | "openWeights"> & {
  readonly plugins: PluginRegistry;
  readonly openWeights: (spec: string) => Promise<WeightsSource>;
};

/** @see Tokenizer.load */
export async function loadParts(
  spec: string | URL | WeightsSource,
  options: LoadTokenizerOptions = {},
): Promise<TokenizerParts> {
  const { report, signal } = options;
  const openWeights =
    options.openWeights ??
    ((spec: string) => openAnyWeights(spec, { ...(report ? { report } : {}), ...(signal ? { signal } : {}) }));
  const folder = typeof spec === "string" || spec instanceof URL ? await openWeights(String(spec)) : spec;
  const config = await readConfig(folder);
  const plugins = await findPlugins(config, options);
  const release = await ensureEngine();
  let tensors: NamedTensors = {};
  try {
    tensors = await readTensors(folder);
    return await assemble(config, tensors, folder, { ...options, plugins, openWeights }, release);
  } catch (error) {
    release?.();
    throw error;
  } finally {
    for (const tensor of Object.values(tensors)) if (!tensor.isDisposed) tensor.dispose();
  }
}

async function assemble(
  config: TokenizerConfig,
  tensors: NamedTensors,
  folder: WeightsSource,
  options: Ready,
  release: (() => void) | undefined,
): Promise<TokenizerParts> {
  const latentShape = latentShapeFromArray(config.latentShape);
  const { plugins } = options;
  const created: Disposable[] = [];
  try {
    const backbone = options.backbone === false ? null : await openBackbone(config, tensors, folder, options);
    if (backbone) created.push(backbone);
    const decoder = backbone ? await openDecoder(config, backbone, tensors, folder, options) : null;
    if (decoder) created.push(decoder);
    const standardizer = await Standardizer.fromState(latentShape, underPrefix("standardizer", tensors));
    created.push(standardizer);

    const transformPlugin = plugins.get("transform", config.transform.id);
    const transform = await transformPlugin.create(parseOptions(transformPlugin, config.transform.options), {
      latentShape,
      tokens: config.tokens.tokens,
    });
    created.push(transform);
    transform.restore(underPrefix("transform", tensors));

    const quantizerPlugin = plugins.get("quantizer", config.quantizer.id);
    const quantizer = await quantizerPlugin.create(parseOptions(quantizerPlugin, config.quantizer.options), {
      latentShape,
      transform: transform.layout,
    });
    created.push(quantizer);
    quantizer.restore(underPrefix("quantizer", tensors));

    const rectifierPlugin = plugins.get("rectifier", config.rectifier.id);
    const rectifier = await rectifierPlugin.create(parseOptions(rectifierPlugin, config.rectifier.options), {
      latentShape,
      random: createRandom(0),
    });
    created.push(rectifier);
    rectifier.restore(underPrefix("rectifier", tensors));

    const metric = await metricFromState(config.metric, latentShape, underPrefix("metric", tensors));
    const space = new LatentSpace(standardizer, transform, metric);
    return { config, latentShape, backbone, space, quantizer, rectifier, decoder, ...(release ? { release } : {}) };
  } catch (error) {
    for (const part of created) part.dispose();
    throw error;
  }
}

async function openBackbone(
  { backbone: saved, imageSize }: TokenizerConfig,
  tensors: NamedTensors,
  folder: WeightsSource,
  { plugins, openWeights, weights, decoderWeights }: Ready,
): Promise<Backbone | null> {
  if (!saved || imageSize === null) return null;
  return loadBackbone({ saved, imageSize, tensors, folder, plugins, openWeights, weights, decoderWeights });
}

async function openDecoder(
  config: TokenizerConfig,
  backbone: Backbone,
  tensors: NamedTensors,
  folder: WeightsSource,
  { plugins }: Ready,
): Promise<AdaptedDecoder | null> {
  const { decoder: saved, backbone: selected, imageSize } = config;
  if (!saved || !selected || imageSize === null) return null;
  const changed = underPrefix("decoder", tensors);
  await checkDecoder(saved, changed, folder.spec);
  return createAdaptedDecoder({
    backbone,
    mode: saved.mode,
    tensors: changed,
    create: (state) => createBackbone(choiceOf(selected), { plugins, imageSize, state }),
  });
}

async function readConfig(folder: WeightsSource): Promise<TokenizerConfig> {
  const names = await folder.list();
  const missing = [configFile, modelFile].filter((name) => !names.includes(name));
  if (missing.length) {
    throw new RevqError(
      "not-a-tokenizer",
      `${folder.spec} is not a tokenizer: it has no ${missing.join(" and no ")}.`,
      { fix: "Name the folder that a training wrote." },
    );
  }
  const source = await folder.open(configFile);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  await source.close?.();
  return parseTokenizerConfig(text, `${folder.spec}/${configFile}`);
}

async function readTensors(folder: WeightsSource): Promise<NamedTensors> {
  const source = await folder.open(modelFile);
  try {
    const file = await openSafetensors(source);
    const tensors: Record<string, tf.Tensor> = {};
    for (const name of file.tensors.keys()) {
      const { shape, data } = await file.read(name);
      tensors[currentTensorName(name)] =
        data instanceof Int32Array
          ? tf.tensor(data, [...shape], "int32")
          : tf.tensor((await file.readFloat32(name)).data, [...shape], "float32");
    }
    return tensors;
  } finally {
    await source.close?.();
  }
}
