/**
 * The whole line as one object: images -> latents -> coefficients -> ids, and back through the rectifier. `encode` and
 * `decode` take plain images and ids of any size; the other methods take tensors at the trained size. It does no I/O of
 * its own: see `load.ts` and `save.ts`.
 */
import {
  bitsPerImage,
  latentShapeToArray,
  RevqError,
  type Backbone,
  type Disposable,
  type RgbaImage,
  type TokenLayout,
  type WeightsSource,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { decodeTiles, encodeTiles, type CodingOptions } from "./coding.js";
import type { TokenizerConfig } from "./config.js";
import type { DecodedImage } from "./image.js";
import { disposeTransformed } from "./latent-space.js";
import type { LoadTokenizerOptions } from "./load.js";
import type { TokenizerParts } from "./parts.js";
import { planTiles, tileCount, type TileGrid } from "./tile-grid.js";

/** A latent at every stage, standardized, `[n, h, w, c]`, and its ids `[n, t]`. The caller owns all four. */
export interface QuantizedLatents {
  readonly standardized: Tensor4D;
  readonly ids: Tensor2D;
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
    const { loadParts } = await import("./load.js");
    return new Tokenizer(await loadParts(spec, options));
  }

  /**
   * Images of one size -> ids `[n, tiles * t]` flat. An image of another size than the trained one is covered by tiles of
   * that size, row by row: see `grid`.
   */
  encode(images: RgbaImage | readonly RgbaImage[], options: CodingOptions = {}): Promise<Int32Array> {
    return encodeTiles(this, images, options);
  }

  /**
   * The images of such ids. The same ids always give the same images on one engine. Throws `code-out-of-range`,
   * `ids-length`.
   *
   * @param size the size of the images, or the grid that `encode` used; default: the trained size
   */
  decode(
    ids: Int32Array,
    size?: { readonly width: number; readonly height: number } | TileGrid,
    options: CodingOptions = {},
  ): Promise<DecodedImage[]> {
    return decodeTiles(this, ids, size, options);
  }

  /** The tiles of an image of that size; an image of the trained size is one tile. @param overlap default 0.25 */
  grid(width: number, height: number, overlap?: number): TileGrid {
    return planTiles(width, height, this.imageSize, overlap);
  }

  /** Ids of an image of that size. */
  idsPerImage(width: number, height: number, overlap?: number): number {
    return tileCount(this.grid(width, height, overlap)) * this.layout.count;
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

  get layout(): TokenLayout {
    return this.parts.quantizer.layout;
  }

  get bitsPerImage(): number {
    return bitsPerImage(this.layout);
  }

  /** The backbone, or an error that says why there is none. */
  get backbone(): Backbone {
    if (this.parts.backbone) return this.parts.backbone;
    throw new RevqError(
      "tokenizer-of-latents",
      "This tokenizer was trained on latents alone: it has no backbone for images.",
      {
        fix: "Give it latents, or train one with a backbone.",
      },
    );
  }

  /** images `[n, H, W, 3]` float32 in [-1, 1] -> ids `[n, t]` int32. The caller owns the result. */
  async encodeImages(images: Tensor4D): Promise<Tensor2D> {
    this.checkImages(images);
    const latents = await this.backbone.encode(images);
    try {
      return await this.encodeLatents(latents);
    } finally {
      latents.dispose();
    }
  }

  /** ids `[n, t]` int32 -> images `[n, H, W, 3]` float32, about [-1, 1], not clamped. The caller owns the result. */
  async decodeIds(ids: Tensor2D): Promise<Tensor4D> {
    const backbone = this.backbone;
    const latents = this.decodeLatents(ids);
    try {
      return await backbone.decode(latents);
    } finally {
      latents.dispose();
    }
  }

  /** latents `[n, h, w, c]` as the backbone gives them -> ids `[n, t]` int32. */
  async encodeLatents(latents: Tensor4D): Promise<Tensor2D> {
    this.checkLatents(latents);
    const transformed = await this.parts.space.forward(latents);
    try {
      return await this.parts.quantizer.quantize(transformed.coefficients);
    } finally {
      disposeTransformed(transformed);
    }
  }

  /** ids `[n, t]` -> rectified latents `[n, h, w, c]` as the backbone takes them. */
  decodeLatents(ids: Tensor2D): Tensor4D {
    this.checkShapeOfIds(ids);
    const { space, quantizer, rectifier } = this.parts;
    return tf.tidy(() => space.unstandardize(rectifier.rectify(space.inverse(quantizer.dequantize(ids)))));
  }

  /** latents `[n, h, w, c]` as the backbone gives them -> all stages, for measuring. */
  async quantizeLatents(latents: Tensor4D): Promise<QuantizedLatents> {
    this.checkLatents(latents);
    const { space, quantizer, rectifier } = this.parts;
    const { standardized, coefficients } = await space.forward(latents);
    const ids = await quantizer.quantize(coefficients);
    if (coefficients !== standardized) coefficients.dispose();
    const quantized = tf.tidy(() => space.inverse(quantizer.dequantize(ids)));
    return { standardized, ids, quantized, rectified: rectifier.rectify(quantized) };
  }

  dispose(): void {
    this.parts.backbone?.dispose();
    this.parts.space.dispose();
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

  private checkShapeOfIds(ids: Tensor2D): void {
    const { count } = this.layout;
    if (ids.shape[1] !== count) {
      throw new RevqError("codes-shape", `Ids are [${ids.shape}], expected [n, ${count}].`, {
        fix: "Every image has one id per token; see `tokens` in config.json.",
      });
    }
  }
}
