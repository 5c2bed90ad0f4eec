/** An image through a tokenizer, stage by stage, and ids back to images. */
import type { Backbone } from "@revq/core";
import { bytesToUnitRange } from "@revq/data/pixels";
import { checkIds, type DecodedImage, type QuantizedLatents, type Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type {
  DecodeRequest,
  DecodeResponse,
  EncodedTokens,
  EncodeRequest,
  ImageMetrics,
  TokenizerDescription,
} from "../protocol/messages.js";
import type { CallContext } from "../protocol/server.js";
import { decodeImage } from "./decode-image.js";
import { channelLast } from "./footprints.js";
import { fromBytes, fromFloats, metricsOf } from "./scored-images.js";

export interface OpenSlot {
  readonly tokenizer: Tokenizer;
  readonly description: TokenizerDescription;
  /** The image that was encoded last, `[size, size, 3]` float32 in [-1, 1]. */
  original: Float32Array | null;
}

/** Emits the original, the tokens, then the images of the stages, the most wanted first. */
export async function encodeImage(
  slot: OpenSlot,
  { image: file, name, idsOnly }: EncodeRequest,
  { signal, emit }: CallContext<"encode">,
): Promise<{ milliseconds: number }> {
  const started = performance.now();
  const { tokenizer } = slot;
  const { backbone } = tokenizer;
  const size = tokenizer.imageSize;
  const rgb = await decodeImage(file, name, size);
  signal.throwIfAborted();
  const original = new Float32Array(rgb.length);
  bytesToUnitRange(rgb, original);
  if (!idsOnly) {
    slot.original = original;
    const image = fromBytes(rgb, size);
    emit({ kind: "image", stage: "original", image, metrics: null }, [image.data.buffer]);
  }
  const pixels = tf.tensor4d(original, [1, size, size, 3]);
  const latents = await backbone.encode(pixels);
  pixels.dispose();
  const quantized = await tokenizer.quantizeLatents(latents);
  try {
    emit({ kind: "tokens", tokens: await tokensOf(slot, quantized) });
    if (idsOnly || !backbone.spec.decodes) return { milliseconds: performance.now() - started };
    for (const stage of ["rectified", "vae", "quantized"] as const) {
      signal.throwIfAborted();
      const { image, metrics } =
        stage === "vae"
          ? await decodeLatents(backbone, latents, original)
          : await decodeStandardized(tokenizer, quantized[stage], original);
      emit({ kind: "image", stage, image, metrics }, [image.data.buffer]);
    }
    return { milliseconds: performance.now() - started };
  } finally {
    tf.dispose([latents, ...Object.values(quantized)]);
  }
}

export async function decodeIds(
  slot: OpenSlot,
  { ids, stages, score }: DecodeRequest,
  signal: AbortSignal,
): Promise<DecodeResponse> {
  const started = performance.now();
  const { tokenizer } = slot;
  const { quantizer, rectifier, space } = tokenizer.parts;
  checkIds(ids, tokenizer.layout);
  const original = score ? slot.original : null;
  const images: DecodeResponse["images"][number][] = [];
  for (const stage of stages) {
    signal.throwIfAborted();
    const standardized = tf.tidy(() => {
      const quantized = space.inverse(quantizer.dequantize(tf.tensor2d(ids, [1, ids.length], "int32")));
      return stage === "rectified" ? rectifier.rectify(quantized) : quantized;
    });
    try {
      images.push({ stage, ...(await decodeStandardized(tokenizer, standardized, original)) });
    } finally {
      standardized.dispose();
    }
  }
  return { images, milliseconds: performance.now() - started };
}

interface ScoredImage {
  readonly image: DecodedImage;
  readonly metrics: ImageMetrics | null;
}

async function decodeStandardized(
  tokenizer: Tokenizer,
  standardized: Tensor4D,
  original: Float32Array | null,
): Promise<ScoredImage> {
  const latents = tokenizer.parts.space.unstandardize(standardized);
  try {
    return await decodeLatents(tokenizer.decoder, latents, original);
  } finally {
    latents.dispose();
  }
}

async function decodeLatents(
  decoder: Backbone,
  latents: Tensor4D,
  original: Float32Array | null,
): Promise<ScoredImage> {
  const images = await decoder.decode(latents);
  const values = (await images.data()) as Float32Array;
  const size = images.shape[1];
  images.dispose();
  return { image: fromFloats(values, size), metrics: original && metricsOf(original, values, size) };
}

async function tokensOf(
  { tokenizer, description }: OpenSlot,
  { standardized, ids, quantized, rectified }: QuantizedLatents,
): Promise<EncodedTokens> {
  const [exact, coarse, mended] = (await Promise.all([standardized.data(), quantized.data(), rectified.data()])) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const { latentShape } = tokenizer.parts;
  const { starts, indices } = description.footprints;
  const tokenErrors = new Float32Array(description.layout.count);
  for (let token = 0; token < tokenErrors.length; token++) {
    const [first, last] = [starts[token]!, starts[token + 1]!];
    let sum = 0;
    for (let i = first; i < last; i++) {
      const at = channelLast(indices[i]!, latentShape);
      sum += (exact[at]! - coarse[at]!) ** 2;
    }
    tokenErrors[token] = last > first ? sum / (last - first) : 0;
  }
  const error = (values: Float32Array): number =>
    exact.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / exact.length;
  return {
    ids: (await ids.data()) as Int32Array,
    tokenErrors,
    latentMse: { quantized: error(coarse), rectified: error(mended) },
  };
}
