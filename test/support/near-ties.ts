/** Ids of two engines that differ: how much their codes' distances do. */
import { linear } from "@revq/backbone-linear";
import { openImages } from "@revq/data";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { identity } from "@revq/rectifier-identity";
import { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

/**
 * For every token where the ids of an image differ, the relative difference of the squared distances from the latent to the two
 * decodings, computed on tfjs `cpu`.
 */
export async function relativeDifferences(
  folder: string,
  image: string,
  ours: readonly number[],
  theirs: readonly number[],
): Promise<number[]> {
  const tokens = ours.flatMap((id, t) => (id === theirs[t] ? [] : [t]));
  if (tokens.length === 0) return [];
  const engine = await createEngine({ engine: "cpu" });
  const plugins = [linear, multigroup, efficientvit, identity];
  const tokenizer = await Tokenizer.load(await openWeights(folder), { plugins, openWeights });
  const { quantizer, space } = tokenizer.parts;
  const size = tokenizer.config.imageSize!;
  const found: number[] = [];
  for await (const { pixels } of (await openImages([image], { size })).batches(1)) {
    const encoded = await tokenizer.backbone.encode(tf.tensor4d(pixels, [1, size, size, 3]));
    const { coefficients: latents } = await space.forward(encoded);
    const distance = async (token: number, id: number): Promise<number> => {
      const codes = ours.map((code, t) => (t === token ? id : code));
      const decoded = quantizer.dequantize(tf.tensor2d([codes], undefined, "int32"));
      return (await tf.sum(tf.squaredDifference(latents, decoded)).data())[0]!;
    };
    for (const t of tokens) {
      const [a, b] = [await distance(t, ours[t]!), await distance(t, theirs[t]!)];
      found.push(Math.abs(a - b) / Math.max(a, b));
    }
  }
  tokenizer.dispose();
  engine.dispose();
  return found;
}
