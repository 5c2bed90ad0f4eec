/**
 * The whole line as one object: backbone, standardizer, quantizer, rectifier.
 * images -> latents -> standardized -> codes, and back through the rectifier. `encode` and `decode` take plain pictures and ids of any
 * size; the other methods take tensors at the trained size. It does no I/O of its own: see `load.ts` and `save.ts`.
 */
import { bitsPerImage, latentShapeToArray, RevqError, type Backbone, type Disposable, type LatentShape, type Quantizer, type Rectifier, type TokenSpec, type WeightsSource } from "@revq/core";
import type { Standardizer } from "./standardizer.js";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { TokenizerConfig } from "./config.js";
import type { LoadTokenizerOptions } from "./load.js";
import type { DecodedPicture, Picture } from "./picture.js";
import { decodePictures, encodePictures, type CodingOptions } from "./pictures.js";
import { planTiles, tileCount, type TileGrid } from "./tile-grid.js";

export interface TokenizerParts {
  readonly config: TokenizerConfig;
  readonly latentShape: LatentShape;
  readonly backbone: Backbone | null;
  readonly standardizer: Standardizer;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  /** Called once by `dispose`, last: gives back the engine that loading started. */
  readonly release?: () => void;
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

  /**
   * Opens a tokenizer: a folder (in Node), the URL of a folder, `hf:owner/name[@revision][/folder]`, or a source of your own.
   * Plugins that are not given are looked for among the installed `@revq` packages; without a tfjs backend an engine of
   * `@revq/engine` is started. Throws `not-a-tokenizer`, `tokenizer-*`, `plugin-*`, `backbone-fingerprint` and what reading throws.
   */
  static async load(spec: string | URL | WeightsSource, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
    const { loadTokenizer } = await import("./load.js");
    return loadTokenizer(spec, options);
  }

  /**
   * Pictures of one size -> ids `[n, tiles * t]` flat, every id the code of its token in its group. A picture of another size than
   * the trained one is covered by tiles of that size, row by row: see `grid`.
   */
  encode(pictures: Picture | readonly Picture[], options: CodingOptions = {}): Promise<Int32Array> {
    return encodePictures(this, pictures, options);
  }

  /**
   * The pictures of such ids. @param size the pictures' size or the grid that `encode` used; default: the trained size.
   * The same ids always give the same pictures on one engine. Throws `code-out-of-range`, `ids-length`.
   */
  decode(
    ids: Int32Array,
    size?: { readonly width: number; readonly height: number } | TileGrid,
    options: CodingOptions = {},
  ): Promise<DecodedPicture[]> {
    return decodePictures(this, ids, size, options);
  }

  /** The tiles of a picture of that size; a picture of the trained size is one tile. @param overlap default 0.25 */
  grid(width: number, height: number, overlap?: number): TileGrid {
    return planTiles(width, height, this.imageSize, overlap);
  }

  /** Ids that a picture of that size becomes. */
  idsPerPicture(width: number, height: number, overlap?: number): number {
    return tileCount(this.grid(width, height, overlap)) * this.tokens.tokens;
  }

  /** Side of the images that it was trained on. */
  get imageSize(): number {
    if (this.config.imageSize !== null) return this.config.imageSize;
    throw new RevqError("tokenizer-of-latents", "This tokenizer was trained on latents alone: it takes no images.", {
      fix: "Give it latents, or train one with a backbone.",
    });
  }

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
  async encodeImages(images: Tensor4D): Promise<Tensor2D> {
    this.checkImages(images);
    const latents = await this.backbone.encode(images);
    try {
      return await this.encodeLatents(latents);
    } finally {
      latents.dispose();
    }
  }

  /** codes `[n, t]` int32 -> images `[n, H, W, 3]` float32, about [-1, 1], not clamped. The caller owns the result. */
  async decodeCodes(codes: Tensor2D): Promise<Tensor4D> {
    const backbone = this.backbone;
    const latents = this.decodeLatents(codes);
    try {
      return await backbone.decode(latents);
    } finally {
      latents.dispose();
    }
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
    this.parts.release?.();
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
