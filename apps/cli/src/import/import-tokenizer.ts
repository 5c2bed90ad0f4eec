/** Converts the authors' checkpoint to a tokenizer: codebooks, group order, statistics and rectifier. */
import {
  bitsPerImage,
  createRandom,
  fingerprint,
  latentShapeOf,
  latentShapeToArray,
  parseOptions,
  RevqError,
  sameLatentShape,
  toNamedArrays,
  vocabularySize,
  type PluginRegistry,
} from "@revq/core";
import {
  formatVersion,
  LatentSpace,
  Standardizer,
  tokenRecord,
  Tokenizer,
  type TokenizerConfig,
} from "@revq/tokenizer";
import { presets, type PresetName } from "@revq/train/config";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedBackbone } from "../backbone/open-backbone.js";
import type { ArrayOfFile, AuthorsCheckpoint } from "./checkpoint.js";
import type { ChannelFirstStatistics } from "./statistics.js";

export interface ImportInput {
  readonly checkpoint: AuthorsCheckpoint;
  /** Null: the tokenizer takes standardized latents. */
  readonly statistics: ChannelFirstStatistics | null;
  /** Null: a tokenizer of latents. */
  readonly backbone: NamedBackbone | null;
  readonly imageSize: number;
  readonly preset: PresetName | null;
}

/** The tokenizer then owns the backbone. Throws `import-preset`, `import-backbone`, `state-*`. */
export async function importTokenizer(
  { checkpoint, statistics, backbone, imageSize, preset }: ImportInput,
  plugins: PluginRegistry,
): Promise<Tokenizer> {
  if (preset !== null) checkPreset(checkpoint, preset);
  const { latentShape, tokens, groups, codes } = checkpoint;
  if (backbone) checkBackbone(backbone, checkpoint, imageSize);

  const multigroup = plugins.get("quantizer", "multigroup");
  const quantizerOptions = parseOptions(multigroup, {
    tokens,
    codes,
    split: "channel",
    groups: groups === tokens ? "token" : groups,
  });
  const efficientvit = plugins.get("rectifier", "efficientvit");
  const rectifierOptions = parseOptions(efficientvit, { ...checkpoint.rectifierSizes, outputSkip: false });

  const none = plugins.get("transform", "none");
  const transformOptions = parseOptions(none, {});
  const transform = await none.create(transformOptions, { latentShape, tokens });
  const quantizer = await multigroup.create(quantizerOptions, { latentShape, transform: transform.layout });
  const rectifier = await efficientvit.create(rectifierOptions, { latentShape, random: createRandom(0) });
  refuseUnknown(Object.keys(checkpoint.rectifier), Object.keys(rectifier.state()));
  restore({ codebooks: checkpoint.codebooks }, (state) => quantizer.restore(state));
  restore(checkpoint.rectifier, (state) => rectifier.restore(state));

  const { layout } = quantizer;
  const config: TokenizerConfig = {
    formatVersion,
    latentShape: latentShapeToArray(latentShape),
    imageSize: backbone ? imageSize : null,
    backbone: backbone && {
      id: backbone.id,
      package: plugins.packageOf("backbone", backbone.id),
      options: backbone.options,
      weights: backbone.weights,
      fingerprint: await fingerprint(await toNamedArrays(backbone.instance.state())),
      embedded: false,
      decoder: backbone.decoder,
    },
    metric: "standardized",
    transform: { id: "none", package: plugins.packageOf("transform", "none"), options: transformOptions },
    quantizer: { id: "multigroup", package: plugins.packageOf("quantizer", "multigroup"), options: quantizerOptions },
    rectifier: {
      id: "efficientvit",
      package: plugins.packageOf("rectifier", "efficientvit"),
      options: rectifierOptions,
    },
    decoder: null,
    tokens: { tokens, groups, codes, vocabulary: vocabularySize(layout, "groups"), bitsPerImage: bitsPerImage(layout) },
    layout: tokenRecord({ layout, latentShape, transform: transform.layout, imageSize: backbone ? imageSize : null }),
    training: { recipe: "imported", preset, seed: 0 },
  };
  return new Tokenizer({
    config,
    latentShape,
    backbone: backbone?.instance ?? null,
    space: new LatentSpace(await standardizerOf(checkpoint, statistics), transform, { id: "standardized" }),
    quantizer,
    rectifier,
    decoder: null,
  });
}

async function standardizerOf(
  { latentShape }: AuthorsCheckpoint,
  statistics: ChannelFirstStatistics | null,
): Promise<Standardizer> {
  const { channels, height, width } = latentShape;
  const state = tf.tidy(() => {
    const shape: [number, number, number] = [channels, height, width];
    return {
      mean: statistics ? tf.tensor3d(statistics.mean, shape) : tf.zeros(shape),
      std: statistics ? tf.tensor3d(statistics.std, shape) : tf.ones(shape),
    };
  });
  try {
    return await Standardizer.fromState(latentShape, state);
  } finally {
    tf.dispose(state);
  }
}

function restore(
  arrays: Readonly<Record<string, ArrayOfFile>>,
  into: (state: Record<string, tf.Tensor>) => void,
): void {
  const state = Object.fromEntries(
    Object.entries(arrays).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape], "float32")]),
  );
  try {
    into(state);
  } finally {
    tf.dispose(state);
  }
}

/** A parameter that the rectifier does not have would be lost, and the results would differ. */
function refuseUnknown(given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new RevqError(
    "import-checkpoint",
    `The checkpoint's decoder has "${unknown}", which the rectifier efficientvit does not have.`,
    { fix: "Only EfficientViT rectifiers can be imported." },
  );
}

function checkPreset({ tokens, codes, rectifierSizes }: AuthorsCheckpoint, preset: PresetName): void {
  const { quantizer, rectifier } = presets[preset] as {
    quantizer?: { tokens?: number; codes?: number };
    rectifier?: { channels?: number; layers?: number };
  };
  const pairs: [string, number, number | undefined][] = [
    ["tokens", tokens, quantizer?.tokens],
    ["codes", codes, quantizer?.codes],
    ["rectifier channels", rectifierSizes.channels, rectifier?.channels],
    ["rectifier layers", rectifierSizes.layers, rectifier?.layers],
  ];
  const wrong = pairs.filter(([, found, wanted]) => wanted !== undefined && found !== wanted);
  if (wrong.length === 0) return;
  throw new RevqError(
    "import-preset",
    `The checkpoint does not have the sizes of preset ${preset}: ${wrong.map(([what, found, wanted]) => `${what} ${found}, not ${wanted}`).join("; ")}.`,
    { fix: "Leave --preset out: all sizes are read from the checkpoint." },
  );
}

function checkBackbone({ id, instance }: NamedBackbone, { latentShape }: AuthorsCheckpoint, imageSize: number): void {
  const made = latentShapeOf(instance.spec, imageSize);
  if (sameLatentShape(made, latentShape)) return;
  throw new RevqError(
    "import-backbone",
    `The backbone ${id} encodes images of ${imageSize} pixels to latents [${latentShapeToArray(made)}]; the checkpoint's are [${latentShapeToArray(latentShape)}].`,
    {
      fix: "Name the VAE that the checkpoint was trained with (dc-ae f32c32 for the published ones), and its --image-size.",
    },
  );
}
