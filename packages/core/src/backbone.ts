/** The contract of a frozen image autoencoder. */
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { LatentShape } from "./latent-shape.js";
import type { NamedTensors } from "./named-tensors.js";
import type { FitContext } from "./progress.js";
import type { ImageSource } from "./sources.js";
import { RevqError } from "./errors.js";

export interface Disposable {
  /**
   * Frees tensors and other resources. May be called twice; the object must not be used afterwards.
   */
  dispose(): void;
}

export interface BackboneSpec {
  /** A name for messages: "taesd", "linear 8x8 -> 8". */
  readonly name: string;
  /** Image pixels per latent position, in each direction: 8 for an f8 VAE. */
  readonly downsample: number;
  readonly latentChannels: number;
  /** False for an encoder alone: latents can be tokenized and scored, but not decoded. */
  readonly decodes: boolean;
}

/** How a diffusion model on a VAE sees the VAE's latents: (latent - shift) * scale. */
export interface LatentScaling {
  readonly scale: number;
  readonly shift: number;
  /**
   * True: the backbone's latents are those that the diffusion model sees. False: they are the VAE's
   * own.
   */
  readonly applied: boolean;
}

/**
 * A frozen image autoencoder. Images are `[n, H, W, 3]` float32 in [-1, 1]. Latents are
 * `[n, h, w, c]` float32, not standardized. n may be 0.
 */
export interface Backbone extends Disposable {
  readonly spec: BackboneSpec;
  /** H and W must be multiples of `spec.downsample`. The caller owns the result. */
  encode(images: Tensor4D): Promise<Tensor4D>;
  /**
   * The result is not clamped. The caller owns it. Throws `backbone-cannot-decode` when
   * `spec.decodes` is false.
   */
  decode(latents: Tensor4D): Promise<Tensor4D>;
  /**
   * All weights, borrowed. With them as `context.state`, `create` makes the same backbone again.
   */
  state(): NamedTensors;
  /**
   * Present if the backbone is fitted on the user's images. The tokenizer then holds its tensors.
   */
  readonly fit?: BackboneFit;
  /** Present if the decoder has gradients: images can then be a loss. */
  readonly gradients?: DecoderGradients;
  /**
   * Relates its latents to those of other VAEs of the same latent space. Absent: they are the VAE's
   * own, and its factors are not known. Null: they are normalized in a way that two factors do not
   * say.
   */
  readonly scaling?: LatentScaling | null;
  /** Present if another VAE decodes: the backbone that encodes, whose latents these are. */
  readonly encoder?: Backbone;
}

/** The decoder by tensor operations that have gradients. */
export interface DecoderGradients {
  /**
   * Names of the decoder's tensors among `state()`, stage by stage: the first stage reads the
   * latent, the last one makes the image.
   */
  readonly stages: readonly (readonly string[])[];
  /**
   * latents `[n, h, w, c]`, n > 0 -> the image that `Backbone.decode` makes, and features. Call it
   * inside `tf.tidy`. Differentiable in the latents and in `weights`.
   * @param weights take the place of tensors of `state()`, by name and in their shape
   */
  decode(latents: Tensor4D, weights?: NamedTensors): DecoderOutput;
}

export interface DecoderOutput {
  /** `[n, H, W, 3]`, not clamped. */
  readonly images: Tensor4D;
  /** Activations `[n, h', w', c']` before each doubling of the resolution; may be empty. */
  readonly features: readonly Tensor4D[];
}

export interface BackboneFit {
  /** False until `run` has ended or a state was given. */
  readonly fitted: boolean;
  run(images: ImageSource, context: FitContext): Promise<void>;
}

/**
 * The shape of a square image's latent.
 *
 * @param imageSize side of the image in pixels
 * @throws RevqError `image-size` when the size is not a positive multiple of the downsampling
 * factor
 *
 * @example
 * const spec = { name: "an f8 VAE", downsample: 8, latentChannels: 4, decodes: true };
 * latentShapeOf(spec, 256); // => { channels: 4, height: 32, width: 32 }
 */
export function latentShapeOf(spec: BackboneSpec, imageSize: number): LatentShape {
  if (imageSize <= 0 || imageSize % spec.downsample !== 0) {
    const nearest = Math.max(1, Math.round(imageSize / spec.downsample)) * spec.downsample;
    throw new RevqError(
      "image-size",
      `Images of ${imageSize} pixels do not fit ${spec.name}: ` +
        `the size must be a positive multiple of ${spec.downsample}.`,
      { fix: `Use images of ${nearest} pixels.`, setting: { path: "data.imageSize", value: nearest } },
    );
  }
  const side = imageSize / spec.downsample;
  return { channels: spec.latentChannels, height: side, width: side };
}
