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
import { coefficientsOf } from "./hidden-tokens.js";
import { inMetric } from "./footprints.js";
import type { LatentBasis } from "./latent-colours.js";
import { previewPixels, type Decoded } from "./preview.js";
import { fromBytes, fromFloats, metricsOf } from "./scored-images.js";
import { tokenReport } from "./token-report.js";

export interface OpenSlot {
  readonly tokenizer: Tokenizer;
  readonly description: TokenizerDescription;
  /** The image that was encoded last, `[size, size, 3]` float32 in [-1, 1]. */
  original: Float32Array | null;
  /** Its standardized latents, `[h, w, c]`. */
  exact: Float32Array | null;
  /** The rectified latents that were decoded last. */
  decoded: Decoded | null;
  /** The colours of its token map: edits keep them. */
  basis: LatentBasis | null;
  /** By group; for `groupMaps`. */
  readonly groupMeans: Map<number, Float32Array>;
}

/**
 * Emits the original, the tokens, then the images of two stages, the more wanted first. The
 * quantized latents are decoded by `decodeIds` where a view shows them.
 */
export async function encodeImage(
  slot: OpenSlot,
  { image: file, name, idsOnly }: EncodeRequest,
  { signal, emit, rest }: CallContext<"encode">,
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
    emit({ kind: "tokens", tokens: await tokensOf(slot, quantized, idsOnly) });
    if (idsOnly || !backbone.spec.decodes) return { milliseconds: performance.now() - started };
    for (const stage of ["rectified", "vae"] as const) {
      await rest();
      signal.throwIfAborted();
      const { image, metrics, pixels } =
        stage === "vae"
          ? await decodeLatents(backbone, latents, original)
          : await decodeStandardized(tokenizer, quantized.rectified, original);
      if (stage === "rectified")
        slot.decoded = { latents: (await quantized.rectified.data()) as Float32Array, pixels, part: null };
      emit({ kind: "image", stage, image, metrics }, [image.data.buffer]);
    }
    return { milliseconds: performance.now() - started };
  } finally {
    tf.dispose([latents, ...Object.values(quantized)]);
  }
}

/** With `preview`, emits the report and a picture of the rectified latents before it decodes them as a whole. */
export async function decodeIds(
  slot: OpenSlot,
  { ids, stages, hidden, score, preview }: DecodeRequest,
  { signal, emit, rest }: CallContext<"decode">,
): Promise<DecodeResponse> {
  const started = performance.now();
  const { tokenizer, description } = slot;
  const { latentShape, quantizer, rectifier, space } = tokenizer.parts;
  checkIds(ids, tokenizer.layout);
  const original = score ? slot.original : null;
  const { quantized, rectified } = tf.tidy(() => {
    const quantized = space.inverse(coefficientsOf(quantizer, ids, hidden));
    return { quantized, rectified: rectifier.rectify(quantized) };
  });
  try {
    const [coarse, mended] = (await Promise.all([quantized.data(), rectified.data()])) as [Float32Array, Float32Array];
    const seen = await inMetric(space, quantized);
    const { basis: _, ...report } = tokenReport(
      { quantized: coarse, rectified: mended, exact: score ? slot.exact : null, seen },
      latentShape,
      description.footprints,
      score ? slot.basis : null,
    );
    let part: Decoded["part"] = null;
    if (preview && slot.decoded) {
      const found = await previewPixels(tokenizer.decoder, space, latentShape, slot.decoded, mended);
      if (found) {
        part = found.part;
        emit({ kind: "preview", image: fromFloats(found.pixels, tokenizer.imageSize), report });
        await rest();
      }
    }
    const images: DecodeResponse["images"][number][] = [];
    for (const stage of stages) {
      signal.throwIfAborted();
      const latents = stage === "rectified" ? rectified : quantized;
      const { pixels, ...shown } = await decodeStandardized(tokenizer, latents, original);
      if (stage === "rectified") slot.decoded = { latents: mended, pixels, part };
      images.push({ stage, ...shown });
    }
    return { images, report, milliseconds: performance.now() - started };
  } finally {
    tf.dispose([quantized, rectified]);
  }
}

interface ScoredImage {
  readonly image: DecodedImage;
  readonly metrics: ImageMetrics | null;
  /** `[size, size, 3]` in about [-1, 1]. */
  readonly pixels: Float32Array;
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
  const pixels = (await images.data()) as Float32Array;
  const size = images.shape[1];
  images.dispose();
  return { pixels, image: fromFloats(pixels, size), metrics: original && metricsOf(original, pixels, size) };
}

async function tokensOf(
  slot: OpenSlot,
  { standardized, ids, quantized, rectified }: QuantizedLatents,
  idsOnly: boolean,
): Promise<EncodedTokens> {
  const [exact, coarse, mended] = (await Promise.all([standardized.data(), quantized.data(), rectified.data()])) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const { tokenizer, description } = slot;
  const seen = await inMetric(tokenizer.parts.space, quantized);
  const latents = { exact, quantized: coarse, rectified: mended, seen };
  const report = tokenReport(latents, tokenizer.parts.latentShape, description.footprints, null);
  if (!idsOnly) {
    slot.exact = exact;
    slot.basis = report.basis;
  }
  return {
    ids: (await ids.data()) as Int32Array,
    map: report.map,
    tokenErrors: report.tokenErrors!,
    latentMse: report.latentMse!,
  };
}
