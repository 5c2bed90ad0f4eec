import { Args, Flags } from "@oclif/core";
import { extname } from "node:path";
import { BaseCommand } from "../base-command.js";
import { formFlags, formOfFlags } from "../ids/form-flags.js";
import { engineFlag } from "../settings/engine-flag.js";
import { decoderWeightsFlag, tokenizerArgument, weightsFlag } from "../tokenizer/flags.js";
import { counted } from "../output/counted.js";

interface DecodeReport {
  readonly images: readonly string[];
  /** The file of latents; null if images were written. */
  readonly latents: string | null;
}

export default class Decode extends BaseCommand {
  static override summary = "Decode ids to images, or to latents.";
  static override description = `Writes one PNG an image below the output folder. A file has the name of the image that its ids came from, or a number. If the names are absolute paths, the folders that all of them share are left out.

A data set of "revq tokenize" is read whole: name its folder, or one of its files. Files of the same formats that a model made are read, too; vocabulary.json beside them says what their ids are.

A file of "revq encode" says which form its ids have. For another file, --offset-groups and --offset-positions name it; without them its ids are codes. Ids that fit another form are refused, and the error names that form.`;
  static override examples = [
    "<%= config.bin %> decode my-tokenizer ids.npy -o out/",
    {
      description: "Ids of one vocabulary, from a language model:",
      command: "<%= config.bin %> decode my-tokenizer ids.npy --offset-groups -o out/",
    },
    {
      description: "The first images of a data set, or what a model sampled:",
      command: "<%= config.bin %> decode my-tokenizer tokens -o out/ --limit 16",
    },
    {
      description: "Latents, in the scale of the backbone:",
      command: "<%= config.bin %> decode my-tokenizer ids.npy -o latents.npy",
    },
  ];
  static override args = {
    tokenizer: tokenizerArgument,
    ids: Args.string({
      description:
        "ids: a .npy [n, t], .json or .safetensors; or the folder of a data set, or one of its .tar, .parquet, .jsonl, .bin or .npy files",
      required: true,
    }),
  };
  static override flags = {
    out: Flags.string({
      char: "o",
      description: "folder for the images, or FILE.npy for latents [n,c,h,w]",
      required: true,
      helpValue: "<dir>",
    }),
    ...formFlags("read"),
    limit: Flags.integer({ description: "only the first N samples of a data set", min: 1 }),
    overwrite: Flags.boolean({
      default: false,
      description: "replace the file, or write into a folder that is not empty",
    }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 8 }),
    weights: weightsFlag,
    "decoder-weights": decoderWeightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<DecodeReport> {
    const { args, flags } = await this.parse(Decode);
    const { out, batch } = flags;
    const { makeFolder, requireEmptyFolder, requireNewFile, requireWritableFile } =
      await import("../output/output-paths.js");
    const toLatents = extname(out).toLowerCase() === ".npy";
    if (toLatents) await requireWritableFile(out);
    if (!flags.overwrite) await (toLatents ? requireNewFile(out) : requireEmptyFolder(out, true));

    const { readIds, requireIds } = await import("../ids/read-ids.js");
    await requireIds(args.ids);
    const { openTokenizer } = await import("../tokenizer/open-tokenizer.js");
    const { decodeTiles, decodeToImages, decodeToLatents, rowsOf } = await import("../decode/decode-ids.js");
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, !toLatents);
    const shape = { layout: tokenizer.layout, latentShape: tokenizer.parts.latentShape };
    const ids = await readIds(args.ids, shape, formOfFlags(flags), flags.limit);
    if (ids.madeBy) {
      const { tokenizerFingerprint } = await import("@revq/dataset");
      if (ids.madeBy !== (await tokenizerFingerprint(tokenizer))) {
        this.note(`The data set of ${args.ids} was made by another tokenizer: the pictures are probably wrong.`);
      }
    }
    const context = { tokenizer, batch, signal: this.signal, report: this.display.update.bind(this.display) };
    let images: readonly string[] = [];
    if (toLatents) await decodeToLatents(ids, out, context);
    else {
      await makeFolder(out);
      images = await (ids.grids ? decodeTiles : decodeToImages)(ids, out, context);
    }
    tokenizer.dispose();
    this.display.finish();
    this.log(`${toLatents ? counted(rowsOf(ids), "latent") : counted(images.length, "image")} in ${out}`);
    return { images, latents: toLatents ? out : null };
  }
}
