import { Args, Flags } from "@oclif/core";
import { bitsPerImage, vocabularySize } from "@revq/core";
import type { ImageCounts } from "@revq/train";
import { BaseCommand } from "../base-command.js";
import { UsageError } from "../errors/usage-error.js";
import { imageFlags, imageOptions, repeated, whatImagesAre, whatLatentsAre } from "../images/image-flags.js";
import { engineFlag } from "../settings/engine-flag.js";
import { decoderWeightsFlag, tokenizerArgument, weightsFlag } from "../tokenizer/flags.js";

interface EncodeReport extends ImageCounts {
  readonly output: string;
  /** More than images if they are larger than the tokenizer's images. */
  readonly tiles: number;
  readonly tokens: number;
  readonly vocabulary: number;
  readonly bitsPerImage: number;
  readonly offsetGroups: boolean;
}

export default class Encode extends BaseCommand {
  static override summary = "Encode images, or latents, to ids.";
  static override description = `Images are resized and centre-cropped to the size of the tokenizer's training images. The file holds int32 ids [n, t], one id a token, in the token order of the quantizer (channel-major for multigroup).

With --offset-groups the ids are flat: the id plus the number of codes of all tokens before it, t * K + id. A language model then sees one vocabulary of T * K ids.

With --tile an image keeps its size. Overlapping tiles of the training size cover it, one row of ids a tile. The grid of tiles is stored with the image's name.`;
  static override examples = [
    "<%= config.bin %> encode my-tokenizer photo.jpg -o ids.npy",
    {
      description: "A folder, with names and ids as JSON:",
      command: "<%= config.bin %> encode my-tokenizer photos/ -o ids.json",
    },
    {
      description: "Flat ids for a language model:",
      command: "<%= config.bin %> encode my-tokenizer photos/ -o ids.npy --offset-groups",
    },
    {
      description: "Latents, for any tokenizer:",
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
    images: Args.string({ description: `images: ${whatImagesAre}` }),
  };
  static override flags = {
    out: Flags.string({
      char: "o",
      description: "file for the ids: .npy, .json or .safetensors",
      required: true,
      helpValue: "<file>",
    }),
    latents: Flags.string({
      description: `encode latents instead of images: ${whatLatentsAre}`,
      helpValue: "<file>",
      exclusive: ["tile"],
      ...repeated,
    }),
    ...imageFlags,
    "offset-groups": Flags.boolean({
      default: false,
      description: "write flat ids: every token position has ids of its own",
    }),
    tile: Flags.boolean({ default: false, description: "keep the size of every image, in tiles of the training size" }),
    overwrite: Flags.boolean({
      default: false,
      description: "replace the file if it exists",
    }),
    batch: Flags.integer({ description: "images or tiles at a time", min: 1, default: 8 }),
    weights: weightsFlag,
    "decoder-weights": decoderWeightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<EncodeReport> {
    const { args, argv, flags } = await this.parse(Encode);
    const { checkIdsPath } = await import("../ids/ids-file.js");
    const { requireNewFile, requireWritableFile } = await import("../output/output-paths.js");
    checkIdsPath(flags.out);
    await requireWritableFile(flags.out);
    if (!flags.overwrite) await requireNewFile(flags.out);
    const paths = (argv as string[]).slice(1);
    requireOneInput(paths, flags.latents);

    const { countsText, noteImages } = await import("@revq/train");
    const { openImages, openLatents } = await import("@revq/data");
    // Before the VAE is loaded, which takes longer.
    const latents = flags.latents === undefined ? null : await openLatents(flags.latents);
    const images = latents ? null : await openImages(paths, { size: 1, ...imageOptions(flags) });
    if (images) noteImages(images, this.note);
    const { openTokenizer } = await import("../tokenizer/open-tokenizer.js");
    const { encodeCrops, encodeLatents, encodeTiles } = await import("../encode/encode-inputs.js");
    const { writeIds } = await import("../ids/write-ids.js");
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, flags.latents === undefined);
    const { layout } = tokenizer;
    const { batch } = flags;
    const context = {
      tokenizer,
      batch,
      note: this.note,
      signal: this.signal,
      report: this.display.update.bind(this.display),
    };
    const { names, ids, grids, total, counts } = await (latents
      ? encodeLatents(latents, context)
      : flags.tile
        ? encodeTiles(images!, context)
        : encodeCrops(images!, context));
    const all = concatenate(ids);
    const tiles = all.length / layout.count;
    await writeIds(flags.out, { ids: all, tokens: layout.count, names, grids }, layout, flags["offset-groups"]);
    this.display.finish();
    if (this.signal.aborted) this.note(`${flags.out} holds the first ${names.length} of ${total}.`);
    this.signal.throwIfAborted();

    const vocabulary = vocabularySize(layout);
    const what = flags.latents === undefined ? "images" : "latents";
    const each = flags.tile ? `in ${tiles} tiles of ${layout.count}` : `${layout.count} each`;
    const bits = `${bitsPerImage(layout).toFixed(0)} bits ${flags.tile ? "a tile" : "an image"}`;
    const flat = flags["offset-groups"] ? `, flat vocabulary of ${vocabulary}` : "";
    const line = `${flags.out}: ids of ${names.length} ${what}, ${each}, ${bits}${flat}`;
    this.log([line, countsText(counts)].filter(Boolean).join("; "));
    tokenizer.dispose();
    return {
      output: flags.out,
      ...counts,
      tiles,
      tokens: layout.count,
      vocabulary,
      bitsPerImage: bitsPerImage(layout),
      offsetGroups: flags["offset-groups"],
    };
  }
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}

/** Images or latents. */
function requireOneInput(paths: readonly string[], latents: readonly string[] | undefined): void {
  const namesImages = paths.length > 0;
  if (namesImages === (latents !== undefined)) {
    const what = namesImages ? "images and --latents" : "neither images nor --latents";
    throw new UsageError("encode-input", `Got ${what}; exactly one of the two is needed.`, {
      fix: "revq encode TOKENIZER IMAGE… -o FILE, or revq encode TOKENIZER --latents FILE.npy -o FILE",
    });
  }
}
