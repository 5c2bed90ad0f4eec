import { Args, Flags } from "@oclif/core";
import { bitsPerImage, RevqError, vocabularySize, type ImageSource } from "@revq/core";
import { openImageFiles, openImages, openLatents } from "@revq/data";
import type { TileGrid, Tokenizer } from "@revq/tokenizer";
import { noteSkipped } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import { statSync } from "node:fs";
import { BaseCommand, engineFlag } from "../base-command.js";
import { checkIdsPath, writeIds } from "../ids-file.js";
import { requireWritableFile } from "../output-paths.js";
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
  static override summary = "Encode images, or latents, to ids.";
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
      description: "Latents, for a tokenizer of latents or any other:",
      command: "<%= config.bin %> encode my-tokenizer --latents latents.npy -o ids.npy",
    },
    {
      description: "An image at its own size, in overlapping tiles:",
      command: "<%= config.bin %> encode my-tokenizer panorama.jpg -o panorama.json --tile",
    },
  ];
  static override strict = false;
  static override args = {
    tokenizer: tokenizerArgument,
    images: Args.string({ description: "image files, or one folder" }),
  };
  static override flags = {
    out: Flags.string({
      char: "o",
      description: "file for the ids: .npy, .json or .safetensors",
      required: true,
      helpValue: "<file>",
    }),
    latents: Flags.string({
      description: "encode latents instead of images: float16/32 .npy [n,c,h,w], or a latent store",
      helpValue: "<file>",
      exclusive: ["tile"],
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
    await requireWritableFile(flags.out);
    const paths = (argv as string[]).slice(1);
    requireOneInput(paths, flags.latents);
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: flags.latents === undefined });
    const { tokens } = tokenizer;
    const { names, codes, skipped, grids, total } = await (flags.latents !== undefined
      ? this.encodeLatents(tokenizer, flags.latents, flags.batch)
      : flags.tile
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
    noteSkipped(skipped, this.note);
    const vocabulary = vocabularySize(tokens);
    this.display.finish();
    if (this.signal.aborted) this.note(`${flags.out} holds the first ${names.length} of ${total}.`);
    this.signal.throwIfAborted();
    const what = flags.latents === undefined ? "images" : "latents";
    const each = flags.tile ? `in ${tiles} tiles of ${tokens.tokens}` : `${tokens.tokens} each`;
    this.log(
      `${flags.out}: ids of ${names.length} ${what}, ${each}, ${bitsPerImage(tokens).toFixed(0)} bits ${flags.tile ? "a tile" : "an image"}${flags["offset-groups"] ? `, flat vocabulary of ${vocabulary}` : ""}`,
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
    const encoded: Encoded = { names: [], codes: [], grids: [], skipped: images.skipped, total: images.names.length };
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
      const pixels = tf.tensor4d(batch.pixels, [batch.names.length, batch.size, batch.size, 3]);
      const ids = await tokenizer.encodeImages(pixels);
      codes.push((await ids.data()) as Int32Array);
      names.push(...batch.names);
      tf.dispose([pixels, ids]);
      this.display.update({ phase: "encode", done: names.length, total: images.count });
      if (this.signal.aborted) break; // what is done is kept
    }
    return { names, codes, skipped: images.skipped, total: images.count };
  }

  private async encodeLatents(tokenizer: Tokenizer, path: string, batch: number): Promise<Encoded> {
    const latents = await openLatents(path);
    const { channels, height, width } = latents.shape;
    const digits = Math.max(5, String(latents.count - 1).length);
    const encoded: Encoded = { names: [], codes: [], skipped: [], total: latents.count };
    for (let start = 0; start < latents.count && !this.signal.aborted; start += batch) {
      const rows = Array.from({ length: Math.min(batch, latents.count - start) }, (_, i) => start + i);
      const values = tf.tensor4d(await latents.read(rows), [rows.length, height, width, channels]);
      const ids = await tokenizer.encodeLatents(values);
      encoded.codes.push((await ids.data()) as Int32Array);
      encoded.names.push(...rows.map((row) => String(row).padStart(digits, "0")));
      tf.dispose([values, ids]);
      this.display.update({ phase: "encode", done: start + rows.length, total: latents.count });
    }
    return encoded;
  }
}

interface Encoded {
  readonly names: string[];
  readonly codes: Int32Array[];
  readonly grids?: TileGrid[];
  readonly skipped: ImageSource["skipped"];
  /** How many there are to encode. */
  readonly total: number;
}

function requireOneInput(paths: readonly string[], latents: string | undefined): void {
  const namesImages = paths.length > 0;
  if (namesImages === (latents !== undefined)) {
    const what = namesImages ? "images and --latents" : "neither images nor --latents";
    throw new RevqError("encode-input", `Got ${what}: one of the two is encoded.`, {
      fix: "revq encode TOKENIZER IMAGE… -o FILE, or revq encode TOKENIZER --latents FILE.npy -o FILE",
      exitCode: 2,
    });
  }
  refuseMixed(paths);
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
