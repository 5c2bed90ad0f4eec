/**
 * A tokenizer as one object: images -> latents -> coefficients -> ids, and back through the
 * rectifier. `encode` and `decode` take plain images and ids of any size. The other methods take
 * tensors of the trained size. I/O is in `load.ts`; `save.ts` makes bytes.
 */
import {
  bitsPerImage,
  latentShapeToArray,
  RevqError,
  type Backbone,
  type Disposable,
  type IdForm,
  type TokenLayout,
  type WeightsSource,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { decodeTiles, encodeInputs, type CodingOptions, type EncodeOptions, type ImageInput } from "./coding.js";
import type { TokenizerConfig } from "./config.js";
import { encodeForOutcome, encodeNearest, type EffortOptions } from "./effort.js";
import type { DecodedImage } from "./image.js";
import type { LoadTokenizerOptions } from "./load.js";
import type { TokenizerParts } from "./parts.js";
import { planTiles, tileCount, type TileGrid } from "./tile-grid.js";
import { createVocabulary, type ReservedIds, type Vocabulary } from "./vocabulary.js";

/**
 * Standardized latents `[n, h, w, c]` at every stage, and their ids `[n, t]`. The caller owns all
 * four.
 */
export interface QuantizedLatents {
  readonly standardized: Tensor4D;
  readonly ids: Tensor2D;
  readonly quantized: Tensor4D;
  readonly rectified: Tensor4D;
}

/**
 * A trained tokenizer.
 *
 * @example
 * import { tokenizerFolder } from "@revq/tokenizer-tiny";
 * const tokenizer = await Tokenizer.load(tokenizerFolder, { backbone: false });
 * tokenizer.layout.count; // => 1024
 * tokenizer.bitsPerImage; // => 10240
 * tokenizer.grid(640, 256); // => { width: 640, height: 256, tile: 256, columns: 3, rows: 1 }
 * tokenizer.idsPerImage(640, 256); // => 3072
 * tokenizer.dispose();
 */
export class Tokenizer implements Disposable {
  constructor(readonly parts: TokenizerParts) {}

  /**
   * Opens a tokenizer: a folder (in Node), the URL of a folder,
   * `hf:owner/name[@revision][/folder]`, or a source of your own. Looks for missing plugins among
   * the installed `@revq` packages. Starts an engine of `@revq/engine` if tfjs has no backend.
   * Throws `not-a-tokenizer`, `tokenizer-*`, `plugin-*`, `backbone-fingerprint` and the errors of
   * reading.
   */
  static async load(spec: string | URL | WeightsSource, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
    const { loadParts } = await import("./load.js");
    return new Tokenizer(await loadParts(spec, options));
  }

  /**
   * Images -> ids `[n, t]` flat, as `revq encode` gives them. An image of another size is resized and
   * centre-cropped to the trained one. With `tile` it keeps its size: tiles, row by row, cover it (`grid`),
   * the ids are `[n, tiles * t]`, and all images have one size.
   *
   * @param images pixels; in Node also paths and URLs of image files, which `@revq/data` reads
   * @throws RevqError `image-data`, `images-differ`, `image-reader-missing`, `image-several`,
   * `image-unreadable` and the errors of finding files
   */
  encode(images: ImageInput | readonly ImageInput[], options: EncodeOptions = {}): Promise<Int32Array> {
    return encodeInputs(this, images, options);
  }

  /**
   * ids -> images. The same ids always give the same images on one engine. Throws
   * `code-out-of-range` and `ids-length`.
   *
   * @param size of images in tiles: their size, or the grid that `encode` used; default: the trained size
   */
  decode(
    ids: Int32Array,
    size?: { readonly width: number; readonly height: number } | TileGrid,
    options: CodingOptions = {},
  ): Promise<DecodedImage[]> {
    return decodeTiles(this, ids, size, options);
  }

  /**
   * The tiles of an image of that size, for `encode` with `tile`. An image of the trained size is one.
   *
   * @param overlap default 0.25
   */
  grid(width: number, height: number, overlap?: number): TileGrid {
    return planTiles(width, height, this.imageSize, overlap);
  }

  /** Ids of an image of that size in tiles. */
  idsPerImage(width: number, height: number, overlap?: number): number {
    return tileCount(this.grid(width, height, overlap)) * this.layout.count;
  }

  /** Side of the training images in pixels. Throws `tokenizer-of-latents`. */
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

  /**
   * What a reader of ids needs, in any language: which id is which code, where tokens lie, and the
   * special ids that are reserved. `encode` gives codes; `codesToIds` of `@revq/core` makes ids of
   * another form. Throws `reserved-ids` and `vocabulary-too-large`.
   */
  vocabulary(form: IdForm = "codes", reserve: readonly ReservedIds[] = []): Vocabulary {
    const { latentShape, space, config } = this.parts;
    const { layout } = this;
    const tokens = { layout, latentShape, transform: space.transform.layout, imageSize: config.imageSize };
    return createVocabulary(tokens, form, reserve);
  }

  /** The backbone: the VAE as it was published. Throws `tokenizer-of-latents`. */
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

  /** Makes images from latents: the adapted decoder, else the backbone. Throws `tokenizer-of-latents`. */
  get decoder(): Backbone {
    return this.parts.decoder?.backbone ?? this.backbone;
  }

  /** images `[n, H, W, 3]` float32 in [-1, 1] -> ids `[n, t]` int32. The caller owns the result. */
  async encodeImages(images: Tensor4D, options: EffortOptions = {}): Promise<Tensor2D> {
    this.checkImages(images);
    const latents = await this.backbone.encode(images);
    try {
      return await this.encodeLatents(latents, options);
    } finally {
      latents.dispose();
    }
  }

  /**
   * ids `[n, t]` int32 -> images `[n, H, W, 3]` float32, about [-1, 1], not clamped. The caller
   * owns the result.
   */
  async decodeIds(ids: Tensor2D): Promise<Tensor4D> {
    const decoder = this.decoder;
    const latents = this.decodeLatents(ids);
    try {
      return await decoder.decode(latents);
    } finally {
      latents.dispose();
    }
  }

  /** latents `[n, h, w, c]` of the backbone -> ids `[n, t]` int32. */
  async encodeLatents(latents: Tensor4D, { effort = 0 }: EffortOptions = {}): Promise<Tensor2D> {
    this.checkLatents(latents);
    return effort > 0 ? encodeForOutcome(this.parts, latents, effort) : encodeNearest(this.parts, latents);
  }

  /** ids `[n, t]` -> rectified latents `[n, h, w, c]` of the backbone. */
  decodeLatents(ids: Tensor2D): Tensor4D {
    this.checkShapeOfIds(ids);
    const { space, quantizer, rectifier } = this.parts;
    return tf.tidy(() => space.unstandardize(rectifier.rectify(space.inverse(quantizer.dequantize(ids)))));
  }

  /** latents `[n, h, w, c]` of the backbone -> all stages, for measuring. */
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
    this.parts.decoder?.dispose();
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
