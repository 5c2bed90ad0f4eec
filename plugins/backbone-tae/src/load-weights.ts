/** Opens and checks a variant's weights in the place that the user named, in either naming. */
import type { NamedTensors, WeightsSource } from "@revq/core";
import { openModelFolder, openPth, openSafetensors, readExpected, type TensorFile } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { expectedTensors, variants, type VariantName } from "./architecture.js";
import { diffusersName, latentChannelsOf, variantWith } from "./diffusers.js";
import { findWeights, halvesOf, type FoundWeights, type Half } from "./find-weights.js";

export interface LoadedWeights {
  readonly variant: VariantName;
  /** `encoder.<key>` and, where the variant has one, `decoder.<key>` by the authors' keys, float32, in PyTorch's layout. */
  readonly tensors: NamedTensors;
}

/** What a tensor is called in a file, and what here. */
interface Wanted {
  readonly shape: readonly number[];
  readonly as: string;
}

/**
 * The caller owns the tensors; one of the file's is in memory at a time.
 * Throws `tae-weights-missing`, `tae-weights-half`, `tae-config`, `tae-variant`, `model-*` and the errors of the files.
 */
export async function loadWeights(wanted: VariantName | undefined, source: WeightsSource): Promise<LoadedWeights> {
  const found = findWeights(await source.list(), wanted, source.spec);
  const tensors: Record<string, tf.Tensor> = {};
  try {
    const variant =
      found.naming === "authors"
        ? await readHalves(found, source, tensors)
        : await readDiffusers(found.variant, source, tensors);
    return { variant, tensors };
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  }
}

async function readHalves(
  { variant, files }: Extract<FoundWeights, { naming: "authors" }>,
  source: WeightsSource,
  tensors: Record<string, tf.Tensor>,
): Promise<VariantName> {
  for (const [half, name] of files) {
    const bytes = await source.open(name);
    try {
      const file = name.endsWith(".pth") ? await openPth(bytes) : await openSafetensors(bytes);
      await readInto(
        tensors,
        file,
        wantedOf(variant, half, (key) => key),
        `${variant}'s ${half}`,
      );
    } finally {
      await bytes.close?.();
    }
  }
  return variant;
}

async function readDiffusers(
  wanted: VariantName | undefined,
  source: WeightsSource,
  tensors: Record<string, tf.Tensor>,
): Promise<VariantName> {
  const model = await openModelFolder(source, "an AutoencoderTiny");
  try {
    // A file without its config: the encoder's last convolution tells.
    const channels = model.config
      ? latentChannelsOf(model.config.json, `${source.spec}/${model.config.name}`)
      : (model.weights.tensors.get("encoder.layers.14.weight")?.shape[0] ?? variants[wanted ?? "taesd"].latentChannels);
    const variant = variantWith(channels, wanted, source.spec);
    const all = halvesOf(variant).flatMap((half) => [...wantedOf(variant, half, (key) => diffusersName(half, key))]);
    await readInto(tensors, model.weights, new Map(all), `the AutoencoderTiny ${variant}`);
    return variant;
  } finally {
    await model.close();
  }
}

function wantedOf(variant: VariantName, half: Half, nameOf: (key: string) => string): Map<string, Wanted> {
  const expected = [...expectedTensors(variants[variant][half] ?? [])];
  return new Map(expected.map(([key, shape]) => [nameOf(key), { shape, as: `${half}.${key}` }]));
}

/** Every tensor that is wanted is there, in its shape, and no other. */
async function readInto(
  tensors: Record<string, tf.Tensor>,
  file: TensorFile,
  wanted: ReadonlyMap<string, Wanted>,
  model: string,
): Promise<void> {
  const expected = new Map([...wanted].map(([name, { shape }]) => [name, shape]));
  for await (const { name, shape, data } of readExpected(file, expected, { model }))
    tensors[wanted.get(name)!.as] = tf.tensor(data, [...shape], "float32");
}
