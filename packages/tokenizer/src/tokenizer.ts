/**
 * The whole line as one object: backbone, standardizer, quantizer, rectifier.
 * images -> latents -> standardized -> codes, and back through the rectifier. It does no I/O: see `load.ts` and `save.ts`.
 */
import {
  bitsPerImage,
  latentShapeToArray,
  RevqError,
  type Backbone,
  type Disposable,
  type LatentShape,
  type Quantizer,
  type Rectifier,
  type Standardizer,
  type TokenSpec,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { TokenizerConfig } from "./config.js";

export interface TokenizerParts {
  readonly config: TokenizerConfig;
  readonly latentShape: LatentShape;
  readonly backbone: Backbone | null;
  readonly standardizer: Standardizer;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
}

/** Every station of a latent's way, standardized, `[n, h, w, c]`; codes `[n, t]`. The caller owns all four. */
export interface QuantizedLatents {
  readonly standardized: Tensor4D;
  readonly codes: Tensor2D;
  readonly quantized: Tensor4D;
  readonly rectified: Tensor4D;
}

export class Tokenizer implements Disposable {
  constructor(readonly parts: TokenizerParts) {}

  get config(): TokenizerConfig {
    return this.parts.config;
  }

  get tokens(): TokenSpec {
    return this.parts.quantizer.tokens;
  }

  get bitsPerImage(): number {
    return bitsPerImage(this.tokens);
  }

  /** The backbone, or an error that says why there is none. */
  get backbone(): Backbone {
    if (this.parts.backbone) return this.parts.backbone;
    throw new RevqError(
      "tokenizer-of-latents",
      "This tokenizer was trained on latents alone: it has no backbone for images.",
      {
        fix: "Give it latents (--latents FILE.npy), or train one with --backbone.",
      },
    );
  }

  /** images `[n, H, W, 3]` float32 in [-1, 1] -> codes `[n, t]` int32. The caller owns the result. */
  async encode(images: Tensor4D): Promise<Tensor2D> {
    this.checkImages(images);
    const latents = await this.backbone.encode(images);
    const codes = await this.encodeLatents(latents);
    latents.dispose();
    return codes;
  }

  /** codes `[n, t]` int32 -> images `[n, H, W, 3]` float32, about [-1, 1], not clamped. The caller owns the result. */
  async decode(codes: Tensor2D): Promise<Tensor4D> {
    const backbone = this.backbone;
    const latents = this.decodeLatents(codes);
    const images = await backbone.decode(latents);
    latents.dispose();
    return images;
  }

  /** latents `[n, h, w, c]` as the backbone gives them -> codes `[n, t]` int32. */
  async encodeLatents(latents: Tensor4D): Promise<Tensor2D> {
    this.checkLatents(latents);
    const standardized = this.parts.standardizer.standardize(latents);
    const codes = await this.parts.quantizer.quantize(standardized);
    standardized.dispose();
    return codes;
  }

  /** codes `[n, t]` -> rectified latents `[n, h, w, c]` in the backbone's own scale. */
  decodeLatents(codes: Tensor2D): Tensor4D {
    this.checkCodes(codes);
    return tf.tidy(() => {
      const rectified = this.parts.rectifier.rectify(this.parts.quantizer.dequantize(codes));
      return this.parts.standardizer.restoreScale(rectified);
    });
  }

  /** latents `[n, h, w, c]` in the backbone's scale -> all stations, for measuring. */
  async quantizeLatents(latents: Tensor4D): Promise<QuantizedLatents> {
    this.checkLatents(latents);
    const standardized = this.parts.standardizer.standardize(latents);
    const codes = await this.parts.quantizer.quantize(standardized);
    const quantized = this.parts.quantizer.dequantize(codes);
    const rectified = this.parts.rectifier.rectify(quantized);
    return { standardized, codes, quantized, rectified };
  }

  dispose(): void {
    this.parts.backbone?.dispose();
    this.parts.standardizer.dispose();
    this.parts.quantizer.dispose();
    this.parts.rectifier.dispose();
  }

  private checkImages(images: Tensor4D): void {
    const size = this.config.imageSize;
    const [, height, width, channels] = images.shape;
    if (size !== null && (height !== size || width !== size || channels !== 3)) {
      throw new RevqError("image-shape", `Images are [${images.shape}], expected [n, ${size}, ${size}, 3].`, {
        fix: "Crop and resize to the size that the tokenizer was trained at.",
      });
    }
  }

  private checkLatents(latents: Tensor4D): void {
    const { channels, height, width } = this.parts.latentShape;
    const [, h, w, c] = latents.shape;
    if (h !== height || w !== width || c !== channels) {
      const got = latentShapeToArray({ channels: c, height: h, width: w });
      throw new RevqError(
        "latent-shape",
        `Latents are [${got}], the tokenizer's are [${channels},${height},${width}] (c, h, w).`,
        {
          fix: "Use latents of the backbone and image size that the tokenizer was trained with.",
        },
      );
    }
  }

  private checkCodes(codes: Tensor2D): void {
    if (codes.shape[1] !== this.tokens.tokens) {
      throw new RevqError("codes-shape", `Codes are [${codes.shape}], expected [n, ${this.tokens.tokens}].`, {
        fix: "Every image has one code a token; see `tokens` in config.json.",
      });
    }
  }
}

/** Throws unless every code is an integer that its token's codebook has. @param codes `[n, t]` flat */
export function checkCodeRange(codes: Int32Array, tokens: TokenSpec): void {
  for (let i = 0; i < codes.length; i++) {
    const token = i % tokens.tokens;
    const limit = tokens.codes[tokens.groupOf[token]!]!;
    const code = codes[i]!;
    if (code < 0 || code >= limit) {
      throw new RevqError(
        "code-out-of-range",
        `Image ${Math.floor(i / tokens.tokens)}, token ${token}: code ${code} is outside 0 … ${limit - 1}.`,
        { fix: "Are these flat ids (--offset-groups)? Or ids of another tokenizer?" },
      );
    }
  }
}
