/** A tokenizer of 32-pixel images that is made in a second: a fitted linear VAE and k-means codebooks. */
import { linear } from "@revq/backbone-linear";
import { createRandom, latentShapeOf, latentShapeToArray, parseOptions, quietContext, toNamedArrays, fingerprint, bitsPerImage, vocabularySize, type FittableBackbone } from "@revq/core";
import { measureLatents, Standardizer, standardizedSource } from "@revq/tokenizer";
import { inMemoryLatents, openSynthetic } from "@revq/data";
import { multigroup } from "@revq/quantizer-multigroup";
import { identity } from "@revq/rectifier-identity";
import * as tf from "@tensorflow/tfjs-core";
import { formatVersion, Tokenizer } from "../src/index.js";

export const plugins = [linear, multigroup, identity] as const;
export const side = 32;

export async function makeTokenizer(): Promise<Tokenizer> {
  const images = openSynthetic("synthetic:dead-leaves", { size: side, count: 60 });
  const backboneOptions = parseOptions(linear, { patch: 8, channels: 12 });
  const backbone = (await linear.create(backboneOptions, { imageSize: side })) as FittableBackbone;
  await backbone.fit(images, quietContext(createRandom(1)));
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
  const quantizerOptions = parseOptions(multigroup, { tokens: 24, codes: 32, split: "channel", groups: "channel" });
  const quantizer = multigroup.create(quantizerOptions, { latentShape });
  await quantizer.fit(standardizedSource(source, statistics), quietContext(createRandom(2)));
  const { tokens } = quantizer;
  return new Tokenizer({
    config: {
      formatVersion,
      latentShape: latentShapeToArray(latentShape),
      imageSize: side,
      backbone: {
        id: "linear",
        package: "@revq/backbone-linear",
        options: backboneOptions,
        weights: null,
        fingerprint: await fingerprint(await toNamedArrays(backbone.state())),
        embedded: true,
      },
      quantizer: { id: "multigroup", package: "@revq/quantizer-multigroup", options: { ...quantizerOptions } },
      rectifier: { id: "identity", package: "@revq/rectifier-identity", options: {} },
      tokens: {
        tokens: tokens.tokens,
        groups: tokens.codes.length,
        codes: [...tokens.codes],
        vocabulary: vocabularySize(tokens),
        bitsPerImage: bitsPerImage(tokens),
      },
      training: { recipe: "fit", preset: null, seed: 2 },
    },
    latentShape,
    backbone,
    standardizer: Standardizer.fromStatistics(latentShape, statistics),
    quantizer,
    rectifier: identity.create({}, { latentShape, random: createRandom(3) }),
  });
}
