/** A tokenizer of 32-pixel images, made in a second: a fitted linear VAE and k-means codebooks. */
import { linear } from "@revq/backbone-linear";
import {
  bitsPerImage,
  createRandom,
  fingerprint,
  latentShapeOf,
  latentSize,
  latentShapeToArray,
  parseOptions,
  quietContext,
  toNamedArrays,
  vocabularySize,
  type Backbone,
  type ImageSource,
  type MetricId,
  type TransformPlugin,
} from "@revq/core";
import { inMemoryLatents, openSynthetic } from "@revq/data";
import { multigroup } from "@revq/quantizer-multigroup";
import { identity } from "@revq/rectifier-identity";
import { none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import {
  centredSource,
  decoderMetric,
  formatVersion,
  LatentSpace,
  measureLatents,
  Standardizer,
  Tokenizer,
  type TokenizerConfig,
} from "../src/index.js";

export const plugins = [linear, none, multigroup, identity] as const;
export const side = 32;

interface Choice {
  readonly transform?: TransformPlugin;
  /** The decoder's metric of `linear` is known: its basis is orthonormal. */
  readonly metric?: MetricId;
  /** Instead of a fitted `linear`. */
  readonly vae?: { readonly backbone: Backbone; readonly saved: NonNullable<TokenizerConfig["backbone"]> };
}

async function fittedLinear(images: ImageSource): Promise<NonNullable<Choice["vae"]>> {
  const options = parseOptions(linear, { patch: 8, channels: 12 });
  const backbone = await linear.create(options, { imageSize: side });
  await backbone.fit!.run(images, quietContext(createRandom(1)));
  return {
    backbone,
    saved: {
      id: "linear",
      package: "@revq/backbone-linear",
      options,
      weights: null,
      fingerprint: await fingerprint(await toNamedArrays(backbone.state())),
      embedded: true,
      decoder: null,
    },
  };
}

export async function makeTokenizer({
  transform = none,
  metric: id = "standardized",
  vae,
}: Choice = {}): Promise<Tokenizer> {
  const images = openSynthetic("synthetic:dead-leaves", { size: side, count: 60 });
  const { backbone, saved } = vae ?? (await fittedLinear(images));
  const latentShape = latentShapeOf(backbone.spec, side);
  const values: number[] = [];
  for await (const { pixels, names } of images.batches(20)) {
    const batch = tf.tensor4d(pixels, [names.length, side, side, 3]);
    const latents = await backbone.encode(batch);
    values.push(...(await latents.data()));
    tf.dispose([batch, latents]);
  }
  const source = inMemoryLatents(latentShape, Float32Array.from(values));
  const statistics = await measureLatents(source);
  const standardizer = Standardizer.fromStatistics(latentShape, statistics);
  const orthonormal = Float64Array.from({ length: 144 }, (_, i) => (i % 13 === 0 ? 1 : 0));
  const metric = id === "decoder" ? await decoderMetric(orthonormal, centredSource(source, statistics)) : { id };
  const context = quietContext(createRandom(2));
  const tokens = latentSize(latentShape) / 8;
  const space = new LatentSpace(standardizer, await transform.create({}, { latentShape, tokens }), metric);
  await space.transform.fit(space.innerSource(source), context);
  const split = space.transform.layout.decorrelated ? "eigenvalue" : "channel";
  const groups = split === "channel" ? "channel" : "token";
  const quantizerOptions = parseOptions(multigroup, { tokens, codes: 32, split, groups });
  const quantizer = await multigroup.create(quantizerOptions, { latentShape, transform: space.transform.layout });
  await quantizer.fit(await space.source(source), context);
  const { layout } = quantizer;
  return new Tokenizer({
    config: {
      formatVersion,
      latentShape: latentShapeToArray(latentShape),
      imageSize: side,
      backbone: saved,
      metric: id,
      transform: { id: transform.id, package: "@revq/transform-block", options: {} },
      quantizer: { id: "multigroup", package: "@revq/quantizer-multigroup", options: { ...quantizerOptions } },
      rectifier: { id: "identity", package: "@revq/rectifier-identity", options: {} },
      decoder: null,
      tokens: {
        tokens: layout.count,
        groups: layout.codebookSizes.length,
        codes: [...layout.codebookSizes],
        vocabulary: vocabularySize(layout, "groups"),
        bitsPerImage: bitsPerImage(layout),
      },
      training: { recipe: "kmeans", preset: null, seed: 2 },
    },
    latentShape,
    backbone,
    space,
    quantizer,
    rectifier: await identity.create({}, { latentShape, random: createRandom(3) }),
    decoder: null,
  });
}
