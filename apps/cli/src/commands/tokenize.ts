import { Args, Flags } from "@oclif/core";
import type { IdForm } from "@revq/core";
import type { DatasetFormatId } from "@revq/dataset";
import type { ImageCounts, Part } from "@revq/train";
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { BaseCommand } from "../base-command.js";
import { UsageError } from "../errors/usage-error.js";
import { formFlags, formOfFlags, parseReserve, reserveFlag } from "../ids/form-flags.js";
import { imageFlags, whatImagesAre, whatLatentsAre } from "../images/image-flags.js";
import { partOfProcess, shardFlag } from "../parts/part-of-process.js";
import { engineFlag } from "../settings/engine-flag.js";
import { decoderWeightsFlag, effortFlag, weightsFlag } from "../tokenizer/flags.js";
import { counted } from "../output/counted.js";

interface TokenizeReport extends ImageCounts {
  readonly dataset: string;
  readonly format: DatasetFormatId;
  /** In the files. */
  readonly idType: string;
  readonly form: IdForm;
  readonly tokens: number;
  readonly vocabulary: number;
  /** Names of the classes; null without labels, or if classes have numbers alone. */
  readonly classes: readonly string[] | null;
  readonly shards: number;
  /** Shards of this part that were made now, and those that existed before. */
  readonly made: number;
  readonly kept: number;
  readonly part: Part | null;
  /** Null until all parts are there and joined. */
  readonly samples: number | null;
}

interface DryRunReport {
  readonly dryRun: true;
  readonly images: number;
  readonly samples: number;
  readonly bytes: number;
  /** By one process. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly shards: number;
}

const formats = [
  "webdataset",
  "parquet",
  "npy",
  "jsonl",
  "bin",
  "llamagen",
] as const satisfies readonly DatasetFormatId[];

export default class Tokenize extends BaseCommand {
  static override summary = "Make a data set of tokens, for training a generator.";
  static override description = `OUT is a folder. It holds the samples in the chosen format, vocabulary.json, and labels.json where there are labels. docs/tokenize.md says how to read each format in Python. \`revq decode\` takes all of them back.

If the command was stopped or killed, the same command continues: finished shards are kept, and the bytes are those of an undisturbed run.

Several processes share the work with --shard i/n, or with the variables of their scheduler (Slurm job arrays, Kubernetes Indexed Jobs, AWS Batch arrays, RANK and WORLD_SIZE). Together they make the same bytes as one process. The last part joins; \`revq merge\` checks and joins again.`;
  static override examples = [
    {
      description: "Photos in class folders, as WebDataset shards:",
      command: "<%= config.bin %> tokenize photos --tokenizer my-tokenizer -o tokens",
    },
    {
      description: "Parquet for Hugging Face datasets, every image also mirrored:",
      command: "<%= config.bin %> tokenize photos --tokenizer my-tokenizer -o tokens --format parquet --augment flip",
    },
    {
      description: "One vocabulary for a language model, as nanoGPT reads it:",
      command:
        "<%= config.bin %> tokenize photos --tokenizer my-tokenizer -o tokens --format bin --offset-groups --reserve bos,classes:1000",
    },
    {
      description: "What it will take:",
      command:
        "<%= config.bin %> tokenize 'imagenet/train-{0000..0146}.tar' --tokenizer my-tokenizer -o tokens --dry-run",
    },
    {
      description: "Latents of `revq extract`: only the search runs:",
      command: "<%= config.bin %> tokenize store --tokenizer my-tokenizer -o tokens --format npy",
    },
    {
      description: "Part 3 of 16:",
      command: "<%= config.bin %> tokenize photos --tokenizer my-tokenizer -o tokens --shard 3/16",
    },
  ];
  static override strict = false;
  static override args = {
    data: Args.string({ description: `images: ${whatImagesAre}; or latents: ${whatLatentsAre}`, required: true }),
  };
  static override flags = {
    tokenizer: Flags.string({ description: "folder that `revq train` wrote", required: true, helpValue: "<dir>" }),
    out: Flags.string({ char: "o", description: "folder of the data set", required: true, helpValue: "<dir>" }),
    format: Flags.string({
      description:
        "files to write: shards of WebDataset or Parquet, one array (npy, bin), JSON Lines, LlamaGen's folders",
      options: formats,
      default: "webdataset",
      helpValue: "<id>",
    }),
    ...formFlags("write"),
    reserve: reserveFlag,
    labels: Flags.string({
      description:
        "class labels from names of folders, .cls members or files, a column of Parquet, or none (default: what all images have)",
      options: ["folder", "member", "column", "none"],
      helpValue: "<where>",
      helpGroup: "DATA",
    }),
    "label-column": Flags.string({
      description: "the column of labels (default: one of classes, or one named like a label)",
      helpValue: "<name>",
      helpGroup: "DATA",
    }),
    augment: Flags.string({
      description: "also the mirror image of every image, or ten crops of it",
      options: ["flip", "ten-crop"],
      helpValue: "<how>",
      helpGroup: "DATA",
    }),
    ...imageFlags,
    limit: Flags.integer({ description: "only the first N images, by name", min: 1, helpGroup: "DATA" }),
    "images-per-shard": Flags.integer({
      description: "images in a shard (default: about 100 shards of 128 to 10,000 samples)",
      min: 1,
    }),
    shard: shardFlag,
    resume: Flags.boolean({ default: false, description: "only continue: refuse a folder where nothing was begun" }),
    "dry-run": Flags.boolean({ default: false, description: "say how many images, bytes and hours it will be" }),
    batch: Flags.integer({ description: "images or latents at a time (default: 8 images, 128 latents)", min: 1 }),
    effort: effortFlag,
    weights: weightsFlag,
    "decoder-weights": decoderWeightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<TokenizeReport | DryRunReport> {
    const { argv, flags } = await this.parse(Tokenize);
    const { out } = flags;
    const specs = argv as string[];
    const reserve = parseReserve(flags.reserve);
    const part = partOfProcess(flags.shard, process.env);
    const dataset = await import("@revq/dataset");
    const { requireEmptyFolder, withFolder } = await import("../output/output-paths.js");
    if (!flags["dry-run"] && !(await dataset.isDataset(out))) {
      if (flags.resume) throw nothingBegun(out);
      // Another part may be about to write its plan.
      if (!part || (await holdsOther(out))) await requireEmptyFolder(out);
    }
    const { batchOf, openAnnotations, openData, samplesOf } = await import("../tokenize/open-data.js");
    const { countImages, countLatents, countsText, noteEnlarged, noteSkipped, wholeJob } = await import("@revq/train");
    const data = await openData(specs, flags, this.note);
    const { openTokenizer } = await import("../tokenizer/open-tokenizer.js");
    const tokenizer = await openTokenizer(this, flags.tokenizer, flags, "images" in data);
    const source = samplesOf(data, specs, tokenizer, flags);
    const { labels, captions } = await openAnnotations(source, flags, this.note);
    const vocabulary = tokenizer.vocabulary(formOfFlags(flags) ?? "codes", reserve);
    const format = flags.format as DatasetFormatId;
    const input = {
      tokenizer,
      source,
      format,
      vocabulary,
      labels,
      captions,
      imagesPerShard: flags["images-per-shard"],
    };
    const context = { signal: this.signal, report: this.display.update.bind(this.display) };

    if (flags["dry-run"]) {
      const { estimateText } = await import("../tokenize/text.js");
      const estimate = await dataset.estimateDataset(input, batchOf(data, flags), context);
      this.display.finish();
      this.log(estimateText(estimate, part?.count ?? 1));
      tokenizer.dispose();
      const { plan, measured: _measured, ...figures } = estimate;
      return { dryRun: true, ...figures, shards: plan.shards };
    }

    if (part) this.note(`Part ${part.index} of ${part.count}, from ${part.from}.`);
    this.adviceAfterInterrupt = "The same command continues from here.";
    const { plan, kept, made, joined, skipped } = await withFolder(out, () =>
      dataset.tokenizeDataset(out, input, part ?? wholeJob, context),
    );
    this.display.finish();
    if (kept > 0) this.note(`${counted(kept, "shard")} existed already.`);
    noteSkipped(skipped, this.note);
    if ("images" in data && source.size !== null)
      noteEnlarged([{ enlarged: data.images.enlarged, size: source.size }], this.note);
    const counts = "images" in data ? countImages(data.images, skipped) : countLatents(data.latents.count);
    const { shardsText } = await import("../tokenize/text.js");
    const what = `${vocabulary.layout.tokens} ids each (${plan.idType}, vocabulary of ${vocabulary.size})`;
    const done = joined
      ? `${counted(joined.samples, "sample")}, ${what}, as ${format}${labels?.names ? `, ${labels.names.length} classes` : ""}`
      : shardsText(plan, out, made + kept);
    this.log([`${out}: ${done}`, countsText(counts)].filter(Boolean).join("; "));
    tokenizer.dispose();
    return {
      dataset: resolve(out),
      format,
      idType: plan.idType,
      form: vocabulary.form,
      tokens: vocabulary.layout.tokens,
      vocabulary: vocabulary.size,
      classes: labels?.names ?? null,
      ...counts,
      shards: plan.shards,
      made,
      kept,
      part: part && { index: part.index, count: part.count },
      samples: joined?.samples ?? null,
    };
  }
}

/** True if the folder holds more than what a part writes before its plan. */
async function holdsOther(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => !/^(job|vocabulary\.json|labels\.json|\..*\.tmp)$/.test(name));
}

function nothingBegun(folder: string): UsageError {
  return new UsageError("resume-nothing", `No data set was begun in ${folder}.`, {
    fix: "Leave --resume out, or name the folder of the stopped job.",
  });
}
