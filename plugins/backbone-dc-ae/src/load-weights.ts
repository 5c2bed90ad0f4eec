/** Opens an AutoencoderDC in the place that the user named. */
import type { NamedTensors, WeightsSource } from "@revq/core";
import { openModelFolder, readExpected, requireConfig } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { architectureOf, expectedTensors, isDenseKernel } from "./architecture.js";
import { parseConfig, type AutoencoderDcConfig } from "./config.js";

export interface LoadedModel {
  readonly config: AutoencoderDcConfig;
  /**
   * By diffusers' names: dense 3x3 kernels as `[y, x, in, out]`, everything else in PyTorch's
   * layout.
   */
  readonly weights: NamedTensors;
}

/**
 * The caller owns the tensors. One tensor of the file is in memory at a time.
 * @param given contents of config.json, instead of the file's
 * @param note is told which of several files was taken
 * @throws RevqError `dc-ae-config`, `model-*` and the errors of the files
 */
export async function loadModel(
  source: WeightsSource,
  given?: Record<string, unknown>,
  note?: (line: string) => void,
): Promise<LoadedModel> {
  const model = await openModelFolder(source, "an AutoencoderDC", note);
  const weights: Record<string, tf.Tensor> = {};
  try {
    const json = given ?? requireConfig(model, source);
    const config = parseConfig(json, given ? "The option config" : `${source.spec}/${model.config!.name}`);
    const expected = expectedTensors(architectureOf(config));
    const options = {
      model: "the AutoencoderDC of config.json",
      ignore: (name: string) => name.endsWith(".num_batches_tracked"),
    };
    for await (const { name, shape, data } of readExpected(model.weights, expected, options)) {
      const tensor = tf.tensor(data, [...shape], "float32");
      weights[name] = isDenseKernel(shape) ? tf.transpose(tensor, [2, 3, 1, 0]) : tensor;
      if (weights[name] !== tensor) {
        await weights[name]!.data(); // else an engine that queues work holds every kernel twice
        tensor.dispose();
      }
    }
    return { config, weights };
  } catch (error) {
    tf.dispose(weights);
    throw error;
  } finally {
    await model.close();
  }
}
