/** Opens an AutoencoderKL in the place that the user named. */
import type { NamedTensors, WeightsSource } from "@revq/core";
import { openModelFolder, readExpected, requireConfig } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { expectedTensors } from "./architecture.js";
import { parseConfig } from "./config.js";
import { toEngineLayout } from "./network.js";

export interface LoadedModel {
  /** The contents of config.json, or what was given instead. */
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

/**
 * The caller owns the tensors. One tensor of the file is in memory at a time.
 * @param given contents of config.json, instead of the file's
 * @throws RevqError `sd-vae-config`, `model-*` and the errors of the files
 */
export async function loadModel(source: WeightsSource, given?: Record<string, unknown>): Promise<LoadedModel> {
  const model = await openModelFolder(source, "an AutoencoderKL");
  const weights: Record<string, tf.Tensor> = {};
  try {
    const json = given ?? requireConfig(model, source);
    const config = parseConfig(json, given ? "The option config" : `${source.spec}/${model.config!.name}`);
    const reading = readExpected(model.weights, expectedTensors(config), {
      model: "the AutoencoderKL of config.json",
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
