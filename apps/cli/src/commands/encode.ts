import { Args, Flags } from "@oclif/core";
import { bitsPerImage, RevqError, vocabularySize, type ImageSource } from "@revq/core";
import { openImageFiles, openImages } from "@revq/data";
import type { TileGrid, Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { statSync } from "node:fs";
import { BaseCommand, engineFlag } from "../base-command.js";
import { checkIdsPath, writeIds } from "../ids-file.js";
import { imageSizeOf, openTokenizer, tokenizerArgument, weightsFlag } from "../open-tokenizer.js";
import { openWholeImages } from "../whole-images.js";

interface EncodeReport {
  readonly output: string;
  readonly images: number;
  /** More than images when they are larger than the tokenizer's. */
  readonly tiles: number;
  readonly tokens: number;
  readonly vocabulary: number;
  readonly bitsPerImage: number;
  readonly offsetGroups: boolean;
  readonly skipped: ImageSource["skipped"];
}

export default class Encode extends BaseCommand {
  static override summary = "Encode images to ids.";
  static override description = `Images are resized and centre-cropped to the size that the tokenizer was trained at. The file holds int32 ids [n, t]: the code of every token in its group, tokens in the quantizer's order (channel-major for multigroup). With --offset-groups ids are flat: the code plus the number of codes of all tokens before, t * K + code, so that a language model sees one vocabulary of T * K ids. With --tile an image keeps its size: overlapping tiles of the trained size cover it, one row of ids a tile, and its grid is stored with its name.`;
  static override examples = [
    "<%= config.bin %> encode my-tokenizer photo.jpg -o ids.npy",
    {
      description: "A folder, names and ids as JSON:",
      command: "<%= config.bin %> encode my-tokenizer photos/ -o ids.json",
    },
    {
      description: "Flat ids for a language model:",
      command: "<%= config.bin %> encode my-tokenizer photos/ -o ids.npy --offset-groups",
    },
    {
      description: "An image at its own size, in overlapping tiles:",
      command: "<%= config.bin %> encode my-tokenizer panorama.jpg -o panorama.json --tile",
    },
  ];
  static override strict = false;
  static override args = {
    tokenizer: tokenizerArgument,
    images: Args.string({ description: "image files, or one folder", required: true }),
  };
  static override flags = {
    out: Flags.string({
      char: "o",
      description: "file for the ids: .npy, .json or .safetensors",
      required: true,
      helpValue: "<file>",
    }),
    "offset-groups": Flags.boolean({
      default: false,
      description: "write flat ids: every token position has codes of its own",
    }),
    tile: Flags.boolean({ default: false, description: "keep every image's own size, in tiles of the trained size" }),
    batch: Flags.integer({ description: "images or tiles at a time", min: 1, default: 8 }),
    weights: weightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<EncodeReport> {
    const { args, argv, flags } = await this.parse(Encode);
    checkIdsPath(flags.out);
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: true });
    const paths = (argv as string[]).slice(1);
    refuseMixed(paths);
    const { tokens } = tokenizer;
    const { names, codes, skipped, grids } = await (flags.tile
      ? this.encodeTiles(tokenizer, paths, flags.batch)
      : this.encodeCrops(tokenizer, paths, flags.batch));
    const tiles = codes.reduce((sum, part) => sum + part.length, 0) / tokens.tokens;
    const all = new Int32Array(tiles * tokens.tokens);
    let filled = 0;
    for (const part of codes) {
      all.set(part, filled);
      filled += part.length;
    }
    await writeIds(flags.out, { codes: all, tokens: tokens.tokens, names, grids }, tokens, flags["offset-groups"]);
    for (const { name, reason } of skipped) this.note(`Skipped ${name}: ${reason}`);
    const vocabulary = vocabularySize(tokens);
    this.display.finish();
    const each = flags.tile ? `in ${tiles} tiles of ${tokens.tokens}` : `${tokens.tokens} each`;
    this.log(
      `${flags.out}: ids of ${names.length} images, ${each}, ${bitsPerImage(tokens).toFixed(0)} bits ${flags.tile ? "a tile" : "an image"}${flags["offset-groups"] ? `, flat vocabulary of ${vocabulary}` : ""}`,
    );
    tokenizer.dispose();
    return {
      output: flags.out,
      images: names.length,
      tiles,
      tokens: tokens.tokens,
      vocabulary,
      bitsPerImage: bitsPerImage(tokens),
      offsetGroups: flags["offset-groups"],
      skipped,
    };
  }

  private async encodeTiles(tokenizer: Tokenizer, paths: readonly string[], batch: number): Promise<Encoded> {
    const images = await openWholeImages(paths);
    const encoded: Encoded = { names: [], codes: [], grids: [], skipped: images.skipped };
    for await (const { name, picture } of images.pictures()) {
      const report = this.display.update.bind(this.display);
      encoded.codes.push(await tokenizer.encode(picture, { batch, signal: this.signal, report }));
      encoded.names.push(name);
      encoded.grids!.push(tokenizer.grid(picture.width, picture.height));
    }
    if (encoded.names.length === 0) {
      throw new RevqError("data-no-images", `None of the images could be read (${images.skipped[0]?.reason}).`, {
        fix: "Check that the files are complete jpeg, png or webp images.",
      });
    }
    return encoded;
  }

  private async encodeCrops(tokenizer: Tokenizer, paths: readonly string[], batchSize: number): Promise<Encoded> {
    const images = await openNamedImages(paths, imageSizeOf(tokenizer));
    const names: string[] = [];
    const codes: Int32Array[] = [];
    for await (const batch of images.batches(batchSize)) {
      this.signal.throwIfAborted();
      const pixels = tf.tensor4d(batch.pixels, [batch.names.length, batch.size, batch.size, 3]);
      const ids = await tokenizer.encodeImages(pixels);
      codes.push((await ids.data()) as Int32Array);
      names.push(...batch.names);
      tf.dispose([pixels, ids]);
      this.display.update({ phase: "encode", done: names.length, total: images.count });
    }
    return { names, codes, skipped: images.skipped };
  }
}

interface Encoded {
  readonly names: string[];
  readonly codes: Int32Array[];
  readonly grids?: TileGrid[];
  readonly skipped: ImageSource["skipped"];
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function openNamedImages(paths: readonly string[], size: number): Promise<ImageSource> {
  return isFolder(paths[0]!) ? openImages(paths[0]!, { size }) : openImageFiles(paths, { size });
}

/** One folder, or files. */
function refuseMixed(paths: readonly string[]): void {
  const folder = paths.find(isFolder);
  if (folder === undefined || paths.length === 1) return;
  throw new RevqError("images-mixed", `${folder} is a folder, and more was named beside it.`, {
    fix: "Name one folder, or files only.",
    exitCode: 2,
  });
}
