import { Flags } from "@oclif/core";
import { openImages, openLatents } from "@revq/data";
import {
  evaluateImages,
  evaluateLatents,
  openMetricNetworks,
  type Evaluation,
  type ImageEvaluation,
  type Scored,
} from "@revq/train";
import { RevqError, type LatentSource } from "@revq/core";
import { BaseCommand, engineFlag } from "../base-command.js";
import { metricFlags, networkPlaces, reportImages, writeEvalReport } from "../evaluation/metric-flags.js";
import { evalPart, joinedText, requirePartFolder } from "../evaluation/eval-part.js";
import { imageSizeOf, openTokenizer, tokenizerArgument, weightsFlag } from "../tokenizer/open-tokenizer.js";
import { evaluationText } from "../evaluation/results-table.js";
import { shardPart, shardFlag } from "../parts/part-of-process.js";

interface EvalPartResult {
  readonly folder: string;
  readonly part: { readonly index: number; readonly count: number };
  /** It was there already. */
  readonly kept: boolean;
  /** Null until all parts are there and joined. */
  readonly evaluation: Evaluation | null;
}

export default class Eval extends BaseCommand {
  static override summary = "Score a tokenizer on images or latents, beside the VAE without quantization.";
  static override description =
    "PSNR is in dB over RGB floats clamped to [0, 1], mean over images; SSIM per RGB channel, 11x11 Gaussian of sigma 1.5, valid window. Latent mse is per element, standardized.";
  static override examples = [
    "<%= config.bin %> eval my-tokenizer --data photos/val",
    {
      description: "The first 50 images by name, as JSON:",
      command: "<%= config.bin %> eval my-tokenizer --data photos/val --limit 50 --json",
    },
    {
      description: "With LPIPS, and a page with charts and the worst and best images:",
      command: "<%= config.bin %> eval my-tokenizer --data photos/val --lpips weights/ --report report/",
    },
    {
      description: "One of 16 machines; the last to finish joins them:",
      command: "<%= config.bin %> eval my-tokenizer --data photos/val --shard 3/16 -o scores",
    },
    { description: "A tokenizer of latents:", command: "<%= config.bin %> eval my-tokenizer --latents val.npy" },
  ];
  static override args = { tokenizer: tokenizerArgument };
  static override flags = {
    data: Flags.string({
      description: "folder of images, or synthetic:dead-leaves",
      helpValue: "<dir>",
      exclusive: ["latents"],
    }),
    latents: Flags.string({ description: "latents instead of images: float16/32 .npy [n,c,h,w]", helpValue: "<file>" }),
    limit: Flags.integer({ description: "only the first N, by name", min: 1 }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 8 }),
    ...metricFlags,
    shard: shardFlag(),
    out: Flags.string({ char: "o", description: "folder of the parts, with --shard", helpValue: "<dir>" }),
    weights: weightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<Evaluation | EvalPartResult> {
    const { args, flags } = await this.parse(Eval);
    if (flags.data === undefined && flags.latents === undefined) {
      throw new RevqError("eval-nothing", "Nothing to score on: neither --data nor --latents was given.", {
        fix: "revq eval TOKENIZER --data DIR",
        exitCode: 2,
      });
    }
    const part = shardPart(flags.shard, process.env);
    const shared = part && part.count > 1 ? { part, folder: requirePartFolder(part, flags.out) } : null;
    if (shared && flags.report !== undefined) {
      throw new RevqError("report-of-part", "A part of an evaluation has no page of its own.", {
        fix: "Leave out --report, or score everything in one process.",
        exitCode: 2,
      });
    }
    const extremes = reportImages(flags);
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: flags.latents === undefined });
    const networks = await openMetricNetworks(networkPlaces(flags), (await this.services()).openWeights);
    const options = { batch: flags.batch, signal: this.signal, report: this.display.update.bind(this.display) };
    if (shared) {
      const { folder, part } = shared;
      this.note(`Part ${part.index} of ${part.count}, from ${part.from}.`);
      const source =
        flags.latents !== undefined
          ? { latents: firstLatents(await openLatents(flags.latents), flags.limit) }
          : { images: await openImages(flags.data!, { size: imageSizeOf(tokenizer), ...limitOf(flags) }) };
      const batch = flags.latents === undefined ? flags.batch : 64;
      const names = [
        ...(networks.lpips ? [`lpips-${networks.lpips.network}`] : []),
        ...(networks.inception ? ["inception"] : []),
      ];
      const asked = { folder, part, networks: names };
      const { kept, joined } = await evalPart(asked, tokenizer, source, { ...options, batch, networks });
      this.display.finish();
      if (kept) this.note("This part was there already.");
      if (joined) this.log(joinedText(joined));
      else
        this.log(
          `${folder}: part ${part.index} of ${part.count}; \`revq merge ${folder}\` joins them when all are done`,
        );
      networks.dispose();
      tokenizer.dispose();
      const { index, count } = part;
      return { folder, part: { index, count }, kept, evaluation: joined?.evaluation ?? null };
    }
    let scored: Scored & Partial<ImageEvaluation>;
    let size: number | null = null;
    if (flags.latents !== undefined) {
      const latents = firstLatents(await openLatents(flags.latents), flags.limit);
      scored = await evaluateLatents(tokenizer, latents, { ...options, batch: 64 });
    } else {
      size = imageSizeOf(tokenizer);
      const images = await openImages(flags.data!, { size, ...limitOf(flags) });
      scored = await evaluateImages(tokenizer, images, { ...options, networks, extremes });
      for (const { name, reason } of images.skipped) this.note(`Skipped ${name}: ${reason}`);
    }
    this.display.finish();
    const { evaluation } = scored;
    const what = `${evaluation.images} ${flags.latents === undefined ? "images" : "latents"}`;
    this.log(evaluationText(evaluation, what));
    if (flags.report !== undefined) {
      const scoredOn = `${what} of ${flags.latents ?? flags.data!}`;
      const path = await writeEvalReport(flags.report, { spec: args.tokenizer, tokenizer, scored, scoredOn, size });
      this.note(`Report: ${path}`);
    }
    networks.dispose();
    tokenizer.dispose();
    return evaluation;
  }
}

function limitOf({ limit }: { limit?: number | undefined }): { limit?: number } {
  return limit === undefined ? {} : { limit };
}

function firstLatents(source: LatentSource, limit = source.count): LatentSource {
  return { shape: source.shape, count: Math.min(limit, source.count), read: (indices) => source.read(indices) };
}
