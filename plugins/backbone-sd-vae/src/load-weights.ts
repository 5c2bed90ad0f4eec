/** Opens an AutoencoderKL in the place that the user named. */
import type { NamedTensors, WeightsSource } from "@revq/core";
import { openModelFolder, readExpected, type ModelFolder, type TensorFile } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { expectedTensors } from "./architecture.js";
import { guessedFields, parseConfig } from "./config.js";
import { findVae } from "./find-vae.js";
import { inferConfig } from "./infer-config.js";
import { toEngineLayout } from "./network.js";

export interface LoadedModel {
  /** The contents of config.json, inferred where there is none, with the fields that were given. */
  readonly config: Record<string, unknown>;
  /** In tfjs' layout. */
  readonly weights: NamedTensors;
}

/**
 * Names of an attention's parts before version 0.16 of diffusers. Their weights may be 1x1
 * convolutions.
 */
const olderNames: Readonly<Record<string, string>> = {
  to_q: "query",
  to_k: "key",
  to_v: "value",
  "to_out.0": "proj_attn",
};

type Fields = Readonly<Record<string, unknown>>;
type Note = (line: string) => void;

/**
 * The configuration of the model: the given fields, over those of config.json or, where there is
 * none, those that the shapes tell. Reads headers only.
 * @throws RevqError `sd-vae-tensors`, `model-*` and the errors of the files
 */
export async function readConfig(source: WeightsSource, given?: Fields): Promise<Record<string, unknown>> {
  const model = await openModelFolder(source, "an AutoencoderKL");
  try {
    return configOf(model, findVae(model.weights), given).json;
  } finally {
    await model.close();
  }
}

/**
 * The caller owns the tensors. One tensor of the file is in memory at a time.
 * @param given fields of config.json that replace the file's
 * @param note is told what was inferred or chosen
 * @throws RevqError `sd-vae-config`, `sd-vae-tensors`, `model-*` and the errors of the files
 */
export async function loadModel(source: WeightsSource, given?: Fields, note?: Note): Promise<LoadedModel> {
  const model = await openModelFolder(source, "an AutoencoderKL", note);
  const weights: Record<string, tf.Tensor> = {};
  try {
    const vae = findVae(model.weights, note);
    const { json, name, text } = configOf(model, vae, given);
    if (text !== undefined) note?.(text);
    const config = parseConfig(json, name === null ? "The option config" : `${source.spec}/${name}`);
    const reading = readExpected(vae, expectedTensors(config), {
      model: text === undefined ? "the AutoencoderKL of config.json" : "an AutoencoderKL with these shapes",
      ...(text === undefined
        ? {}
        : { fix: "The file is not complete, or of another kind of VAE. Get it again from its source." }),
      otherNames: (name) =>
        Object.entries(olderNames)
          .filter(([part]) => name.includes(`.attentions.0.${part}.`))
          .map(([part, older]) => name.replace(`.${part}.`, `.${older}.`)),
    });
    for await (const { name, shape, data } of reading) {
      const tensor = tf.tensor(data, [...shape], "float32");
      weights[name] = toEngineLayout(tensor);
      if (shape.length > 1) await weights[name]!.data(); // else an engine that queues work holds every kernel twice
      tensor.dispose();
    }
    return { config: json, weights };
  } catch (error) {
    tf.dispose(weights);
    throw error;
  } finally {
    await model.close();
  }
}

interface FoundConfig {
  readonly json: Record<string, unknown>;
  /** The file that it comes from, for messages; null where fields were given. */
  readonly name: string | null;
  /** Says what was inferred. */
  readonly text?: string;
}

function configOf({ config }: ModelFolder, vae: TensorFile, given: Fields = {}): FoundConfig {
  const overriding = Object.keys(given).length > 0;
  if (isWhole(given)) return { json: { ...given }, name: null };
  if (config && isWhole(config.json)) {
    return { json: { ...config.json, ...given }, name: overriding ? null : config.name };
  }
  const inferred = inferConfig(vae);
  const guessed = inferred.config[guessedFields].filter((field) => !(field in given));
  return {
    json: { ...inferred.config, ...given, [guessedFields]: guessed },
    name: overriding ? null : vae.name,
    text: inferred.text,
  };
}

/** False for some fields, and for the config.json of something that is not a model of diffusers. */
function isWhole(json: Fields): boolean {
  return "_class_name" in json || "block_out_channels" in json;
}
