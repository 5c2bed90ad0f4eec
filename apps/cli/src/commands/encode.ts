import { Args, Flags } from "@oclif/core";
import { bitsPerImage, type IdForm } from "@revq/core";
import type { Vocabulary } from "@revq/tokenizer";
import type { ImageCounts } from "@revq/train";
import { BaseCommand } from "../base-command.js";
import { UsageError } from "../errors/usage-error.js";
import { formFlags, formOfFlags, parseReserve, reserveFlag } from "../ids/form-flags.js";
import { imageFlags, imageOptions, repeated, whatImagesAre, whatLatentsAre } from "../images/image-flags.js";
import { engineFlag } from "../settings/engine-flag.js";
import { decoderWeightsFlag, effortFlag, tokenizerArgument, weightsFlag } from "../tokenizer/flags.js";

interface EncodeReport extends ImageCounts {
  readonly output: string;
  /** More than images if they are larger than the tokenizer's images. */
  readonly tiles: number;
  readonly tokens: number;
  readonly form: IdForm;
  /** Ids of that form in all, the special ones too. */
  readonly vocabulary: number;
  /** The special ids that were reserved. */
  readonly special: Vocabulary["special"];
  readonly bitsPerImage: number;
}

export default class Encode extends BaseCommand {
  static override summary = "Encode images, or latents, to ids.";
  static override description = `Images are resized and centre-cropped to the size of the tokenizer's training images. The file holds int32 ids [n, t], one id a token, in the token order of the quantizer (channel-major for multigroup).

An id is a code of its token's group. With --offset-groups it is the offset of the group plus the code: one vocabulary for a language model, as large as all codebooks. With --offset-positions every token has ids of its own (t * K + code).

Every file says which form its ids have, and what a reader needs in any language: group of each token, codebook sizes, offsets, where tokens lie, reserved ids. A .npy has it in FILE.vocabulary.json. docs/tokens.md explains the record.

With --tile an image keeps its size. Overlapping tiles of the training size cover it, one row of ids a tile. The grid of tiles is stored with the image's name.`;
  static override examples = [
    "<%= config.bin %> encode my-tokenizer photo.jpg -o ids.npy",
    {
      description: "A folder, with names and ids as JSON:",
      command: "<%= config.bin %> encode my-tokenizer photos/ -o ids.json",
    },
    {
      description: "One vocabulary for a language model, with ids for the start and for a thousand classes:",
      command:
        "<%= config.bin %> encode my-tokenizer photos/ -o ids.npy --offset-groups --reserve bos,mask,classes:1000",
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
    ...formFlags("write"),
    reserve: reserveFlag,
    tile: Flags.boolean({ default: false, description: "keep the size of every image, in tiles of the training size" }),
    overwrite: Flags.boolean({
      default: false,
      description: "replace the file if it exists",
    }),
    effort: effortFlag,
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
    const reserve = parseReserve(flags.reserve);
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
    const vocabulary = tokenizer.vocabulary(formOfFlags(flags) ?? "codes", reserve);
    const { batch, effort } = flags;
    const context = {
      tokenizer,
      batch,
      effort,
      note: this.note,
      signal: this.signal,
      report: this.display.update.bind(this.display),
    };
    const { names, ids, grids, total, counts } = await (latents
      ? encodeLatents(latents, context)
      : flags.tile
        ? encodeTiles(images!, context)
        : encodeCrops(images!, context));
    const tiles = ids.length / layout.count;
    await writeIds(flags.out, { ids, tokens: layout.count, names, grids }, layout, vocabulary);
    this.display.finish();
    if (this.signal.aborted) this.note(`${flags.out} holds the first ${names.length} of ${total}.`);
    this.signal.throwIfAborted();

    const what = flags.latents === undefined ? "images" : "latents";
    const each = flags.tile ? `in ${tiles} tiles of ${layout.count}` : `${layout.count} each`;
    const bits = `${bitsPerImage(layout).toFixed(0)} bits ${flags.tile ? "a tile" : "an image"}`;
    const line = `${flags.out}: ids of ${names.length} ${what}, ${each}, ${bits}${vocabularyText(vocabulary)}`;
    this.log([line, countsText(counts)].filter(Boolean).join("; "));
    tokenizer.dispose();
    return {
      output: flags.out,
      ...counts,
      tiles,
      tokens: layout.count,
      form: vocabulary.form,
      vocabulary: vocabulary.size,
      special: vocabulary.special,
      bitsPerImage: bitsPerImage(layout),
    };
  }
}

/** Nothing for codes without special ids. */
function vocabularyText({ form, size, special }: Vocabulary): string {
  const names = Object.entries(special).map(([name, { first, count }]) =>
    count === 1 ? `${name} ${first}` : `${name} ${first} … ${first + count - 1}`,
  );
  if (form === "codes" && names.length === 0) return "";
  return `, vocabulary of ${size}${names.length > 0 ? ` with ${names.join(", ")}` : ""}`;
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
