/** An image through a tokenizer, station by station, and codes back to pictures. */
import { bytesToUnitRange } from "@revq/data/pixels";
import { checkCodeRange, type Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type {
  DecodeRequest,
  DecodeResponse,
  EncodedCodes,
  EncodeRequest,
  Picture,
  Quality,
  TokenizerDescription,
} from "../protocol/messages.js";
import type { CallContext } from "../protocol/server.js";
import { decodeImage } from "./decode-image.js";
import { channelLast } from "./footprints.js";
import { pictureOf, pictureOfFloats, qualityOf } from "./pictures.js";

export interface OpenSlot {
  readonly tokenizer: Tokenizer;
  readonly description: TokenizerDescription;
  /** The image that was encoded last, `[size, size, 3]` float32 in [-1, 1]. */
  original: Float32Array | null;
}

/** Emits the original, the codes, then the pictures of the stations, the most wanted first. */
export async function encodeImage(
  slot: OpenSlot,
  { image, name, codesOnly }: EncodeRequest,
  { signal, emit }: CallContext<"encode">,
): Promise<{ milliseconds: number }> {
  const started = performance.now();
  const { tokenizer } = slot;
  const { backbone } = tokenizer;
  const size = tokenizer.config.imageSize!;
  const rgb = await decodeImage(image, name, size);
  signal.throwIfAborted();
  const original = new Float32Array(rgb.length);
  bytesToUnitRange(rgb, original);
  if (!codesOnly) {
    slot.original = original;
    const picture = pictureOf(rgb, size);
    emit({ kind: "picture", station: "original", picture, quality: null }, [picture.pixels.buffer]);
  }
  const pixels = tf.tensor4d(original, [1, size, size, 3]);
  const latents = await backbone.encode(pixels);
  pixels.dispose();
  const { standardized, codes, quantized, rectified } = await tokenizer.quantizeLatents(latents);
  const held: tf.Tensor[] = [latents, standardized, codes, quantized, rectified];
  try {
    emit({ kind: "codes", codes: await codesOf(slot, standardized, codes, quantized, rectified) });
    if (codesOnly || !backbone.spec.decodes) return { milliseconds: performance.now() - started };
    const { standardizer } = tokenizer.parts;
    for (const station of ["rectified", "vae", "quantized"] as const) {
      signal.throwIfAborted();
      const from =
        station === "vae" ? latents : standardizer.restoreScale(station === "rectified" ? rectified : quantized);
      if (from !== latents) held.push(from);
      const { picture, quality } = await decodeLatents(tokenizer, from, original);
      emit({ kind: "picture", station, picture, quality }, [picture.pixels.buffer]);
    }
    return { milliseconds: performance.now() - started };
  } finally {
    tf.dispose(held);
  }
}

export async function decodeCodes(
  slot: OpenSlot,
  { codes, stations, score }: DecodeRequest,
  signal: AbortSignal,
): Promise<DecodeResponse> {
  const started = performance.now();
  const { tokenizer } = slot;
  const { quantizer, rectifier, standardizer } = tokenizer.parts;
  checkCodeRange(codes, tokenizer.tokens);
  const original = score ? slot.original : null;
  const pictures: DecodeResponse["pictures"][number][] = [];
  for (const station of stations) {
    signal.throwIfAborted();
    const latents = tf.tidy(() => {
      const ids = tf.tensor2d(codes, [1, codes.length], "int32");
      const quantized = quantizer.dequantize(ids);
      return standardizer.restoreScale(station === "rectified" ? rectifier.rectify(quantized) : quantized);
    });
    try {
      pictures.push({ station, ...(await decodeLatents(tokenizer, latents, original)) });
    } finally {
      latents.dispose();
    }
  }
  return { pictures, milliseconds: performance.now() - started };
}

async function decodeLatents(
  tokenizer: Tokenizer,
  latents: Tensor4D,
  original: Float32Array | null,
): Promise<{ picture: Picture; quality: Quality | null }> {
  const images = await tokenizer.backbone.decode(latents);
  const values = (await images.data()) as Float32Array;
  const size = images.shape[1];
  images.dispose();
  return { picture: pictureOfFloats(values, size), quality: original && qualityOf(original, values, size) };
}

async function codesOf(
  { tokenizer, description }: OpenSlot,
  standardized: Tensor4D,
  codes: Tensor2D,
  quantized: Tensor4D,
  rectified: Tensor4D,
): Promise<EncodedCodes> {
  const [exact, coarse, mended] = (await Promise.all([standardized.data(), quantized.data(), rectified.data()])) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const { latentShape } = tokenizer.parts;
  const { starts, places } = description.footprints;
  const tokenErrors = new Float32Array(description.tokens);
  for (let token = 0; token < tokenErrors.length; token++) {
    const [first, last] = [starts[token]!, starts[token + 1]!];
    let sum = 0;
    for (let i = first; i < last; i++) {
      const at = channelLast(places[i]!, latentShape);
      sum += (exact[at]! - coarse[at]!) ** 2;
    }
    tokenErrors[token] = last > first ? sum / (last - first) : 0;
  }
  const error = (values: Float32Array): number =>
    exact.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / exact.length;
  return {
    codes: (await codes.data()) as Int32Array,
    tokenErrors,
    latentMse: { quantized: error(coarse), rectified: error(mended) },
  };
}
