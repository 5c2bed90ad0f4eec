/**
 * Opens and checks a variant's weights in the place that the user named, under the authors' or
 * diffusers' names.
 */
import type { NamedTensors, WeightsSource } from "@revq/core";
import { openModelFolder, openTensorFile, readExpected, type ModelFolder, type TensorFile } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import { defaultVariant, expectedTensors, halvesOf, variants, type Half, type VariantName } from "./architecture.js";
import { diffusersName, variantOf } from "./diffusers.js";
import { findWeights, missingFiles, type FoundWeights } from "./find-weights.js";

export interface LoadedWeights {
  readonly variant: VariantName;
  /**
   * `encoder.<key>` and, where the variant has a decoder, `decoder.<key>`, by the authors' keys:
   * float32, in PyTorch's layout.
   */
  readonly tensors: NamedTensors;
}

/** A tensor of a file. */
interface Wanted {
  readonly shape: readonly number[];
  /** Its name in `LoadedWeights`. */
  readonly as: string;
}

/**
 * The variant that the weights are of. Reads the list of files and, where needed, config.json and
 * the weights' header.
 * @throws RevqError `tae-weights-missing`, `tae-weights-half`, `tae-config`, `tae-variant`,
 * `model-*`
 */
export async function findVariant(wanted: VariantName | undefined, source: WeightsSource): Promise<VariantName> {
  const found = findWeights(await source.list(), wanted, source.spec);
  if (found.naming === "authors") return found.variant;
  const model = await openDiffusers(found.variant, source);
  try {
    return variantOf(model, found.variant, source.spec);
  } finally {
    await model.close();
  }
}

/**
 * The caller owns the tensors. One tensor of the file is in memory at a time.
 * @throws RevqError `tae-weights-missing`, `tae-weights-half`, `tae-config`, `tae-variant`,
 * `model-*` and the errors of the files
 */
export async function loadWeights(
  wanted: VariantName | undefined,
  source: WeightsSource,
  note?: (line: string) => void,
): Promise<LoadedWeights> {
  const found = findWeights(await source.list(), wanted, source.spec);
  const tensors: Record<string, tf.Tensor> = {};
  try {
    const variant =
      found.naming === "authors"
        ? await readHalves(found, source, tensors)
        : await readDiffusers(found.variant, source, tensors, note);
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
      const file = await openTensorFile(bytes);
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

/** Throws `tae-weights-missing` for a file of something else. */
async function openDiffusers(
  wanted: VariantName | undefined,
  source: WeightsSource,
  note?: (line: string) => void,
): Promise<ModelFolder> {
  const model = await openModelFolder(source, "an AutoencoderTiny", note);
  if ([...model.weights.tensors.keys()].some((name) => /^(encoder|decoder)\.layers\./.test(name))) return model;
  if (model.config) return model; // names are checked beside the configuration
  await model.close();
  throw missingFiles(await source.list(), wanted ?? defaultVariant, [], source.spec);
}

async function readDiffusers(
  wanted: VariantName | undefined,
  source: WeightsSource,
  tensors: Record<string, tf.Tensor>,
  note?: (line: string) => void,
): Promise<VariantName> {
  const model = await openDiffusers(wanted, source, note);
  try {
    const variant = variantOf(model, wanted, source.spec);
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

/** Checks that the file has every wanted tensor in its shape and no other, and reads them. */
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
