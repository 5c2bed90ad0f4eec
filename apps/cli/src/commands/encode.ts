import { Args, Flags } from "@oclif/core";
import { bitsPerImage, RevqError, vocabularySize, type ImageSource } from "@revq/core";
import { openImageFiles, openImages } from "@revq/data";
import * as tf from "@tensorflow/tfjs-core";
import { statSync } from "node:fs";
import { BaseCommand, engineFlag } from "../base-command.js";
import { checkIdsPath, writeIds } from "../ids-file.js";
import { imageSizeOf, openTokenizer, tokenizerArgument, weightsFlag } from "../open-tokenizer.js";

interface EncodeReport {
  readonly output: string;
  readonly images: number;
  readonly tokens: number;
  readonly vocabulary: number;
  readonly bitsPerImage: number;
  readonly offsetGroups: boolean;
  readonly skipped: ImageSource["skipped"];
}

export default class Encode extends BaseCommand {
  static override summary = "Encode images to ids.";
  static override description = `Images are resized and centre-cropped to the size that the tokenizer was trained at. The file holds int32 ids [n, t]: the code of every token in its group, tokens in the quantizer's order (channel-major for multigroup). With --offset-groups ids are flat: the code plus the number of codes of all tokens before, t * K + code, so that a language model sees one vocabulary of T * K ids.`;
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
    batch: Flags.integer({ description: "images at a time", min: 1, default: 8 }),
    weights: weightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<EncodeReport> {
    const { args, argv, flags } = await this.parse(Encode);
    checkIdsPath(flags.out);
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: true });
    const images = await openNamedImages((argv as string[]).slice(1), imageSizeOf(tokenizer));
    const { tokens } = tokenizer;
    const names: string[] = [];
    const codes: Int32Array[] = [];
    for await (const batch of images.batches(flags.batch)) {
      this.signal.throwIfAborted();
      const pixels = tf.tensor4d(batch.pixels, [batch.names.length, batch.size, batch.size, 3]);
      const ids = await tokenizer.encodeImages(pixels);
      codes.push((await ids.data()) as Int32Array);
      names.push(...batch.names);
      tf.dispose([pixels, ids]);
      this.display.update({ phase: "encode", done: names.length, total: images.count });
    }
    const all = new Int32Array(names.length * tokens.tokens);
    let filled = 0;
    for (const part of codes) {
      all.set(part, filled);
      filled += part.length;
    }
    await writeIds(flags.out, { codes: all, tokens: tokens.tokens, names }, tokens, flags["offset-groups"]);
    for (const { name, reason } of images.skipped) this.note(`Skipped ${name}: ${reason}`);
    const vocabulary = vocabularySize(tokens);
    this.display.finish();
    this.log(
      `${flags.out}: ids of ${names.length} images, ${tokens.tokens} each, ${bitsPerImage(tokens).toFixed(0)} bits an image${flags["offset-groups"] ? `, flat vocabulary of ${vocabulary}` : ""}`,
    );
    tokenizer.dispose();
    return {
      output: flags.out,
      images: names.length,
      tokens: tokens.tokens,
      vocabulary,
      bitsPerImage: bitsPerImage(tokens),
      offsetGroups: flags["offset-groups"],
      skipped: images.skipped,
    };
  }
}

/** One folder, or files. */
async function openNamedImages(paths: readonly string[], size: number): Promise<ImageSource> {
  const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const folders = paths.filter(isFolder);
  if (folders.length === 0) return openImageFiles(paths, { size });
  if (paths.length > 1) {
    throw new RevqError("images-mixed", `${folders[0]} is a folder, and more was named beside it.`, {
      fix: "Name one folder, or files only.",
      exitCode: 2,
    });
  }
  return openImages(folders[0]!, { size });
}
