import { Flags } from "@oclif/core";
import type { Tokenizer } from "@revq/tokenizer";
import type { EvaluatedSource, ImageCounts, MetricNetworks, Part, TokenizerMetrics } from "@revq/train";
import { BaseCommand } from "../base-command.js";
import { UsageError } from "../errors/usage-error.js";
import type { EvaluationOptions } from "../evaluation/evaluate.js";
import { metricFlags, networkPaths, reportImages } from "../evaluation/metric-flags.js";
import { imageFlags, imageOptions, repeated, whatImagesAre, whatLatentsAre } from "../images/image-flags.js";
import { partOfProcess, shardFlag, type ProcessPart } from "../parts/part-of-process.js";
import { engineFlag } from "../settings/engine-flag.js";
import { sourcesText } from "@revq/train/config";
import { decoderWeightsFlag, tokenizerArgument, weightsFlag } from "../tokenizer/flags.js";

type EvalResult = TokenizerMetrics & ImageCounts;

/** Images are those of all parts. */
interface EvalPartResult extends ImageCounts {
  readonly folder: string;
  readonly part: Part;
  /** The result of the part existed already. */
  readonly kept: boolean;
  /** Null until all parts are there and joined. */
  readonly evaluation: TokenizerMetrics | null;
}

export default class Eval extends BaseCommand {
  static override summary = "Measure a tokenizer on images or latents, next to its VAE alone.";
  static override description =
    "PSNR is in dB over RGB values clamped to [0, 1], the mean over images. SSIM is per RGB channel, with an 11x11 Gaussian of sigma 1.5 and a valid window; MS-SSIM has five such scales and needs images of 176 pixels. LPIPS is version 0.1 with SqueezeNet; lower is better. Latent mse is per element of the standardized latents.";
  static override examples = [
    "<%= config.bin %> eval my-tokenizer --data photos/val",
    {
      description: "The first 50 images by name, as JSON:",
      command: "<%= config.bin %> eval my-tokenizer --data photos/val --limit 50 --json",
    },
    {
      description: "With a page: charts, typical, worst and best images:",
      command: "<%= config.bin %> eval my-tokenizer --data photos/val --report report/",
    },
    {
      description: "Part 3 of 16; the last part to finish joins all:",
      command: "<%= config.bin %> eval my-tokenizer --data photos/val --shard 3/16 -o scores",
    },
    { description: "A tokenizer of latents:", command: "<%= config.bin %> eval my-tokenizer --latents val.npy" },
  ];
  static override args = { tokenizer: tokenizerArgument };
  static override flags = {
    data: Flags.string({
      description: `images: ${whatImagesAre}; or synthetic:dead-leaves`,
      helpValue: "<dir>",
      exclusive: ["latents"],
      ...repeated,
    }),
    latents: Flags.string({
      description: `latents instead of images: ${whatLatentsAre}`,
      helpValue: "<file>",
      ...repeated,
    }),
    ...imageFlags,
    limit: Flags.integer({ description: "only the first N, by name", min: 1 }),
    batch: Flags.integer({ description: "images at a time", min: 1, default: 8 }),
    ...metricFlags,
    shard: shardFlag,
    out: Flags.string({ char: "o", description: "folder of the parts, with --shard", helpValue: "<dir>" }),
    weights: weightsFlag,
    "decoder-weights": decoderWeightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<EvalResult | EvalPartResult> {
    const { args, flags } = await this.parse(Eval);
    if (flags.data === undefined && flags.latents === undefined) {
      throw new UsageError("eval-nothing", "There is nothing to measure on: --data or --latents is missing.", {
        fix: "revq eval TOKENIZER --data DIR",
      });
    }
    const part = partOfProcess(flags.shard, process.env);
    const { report, out } = flags;
    // The only part of a job has a folder for its result, too, if one was named.
    const isShared = part !== null && (part.count > 1 || out !== undefined);
    const shared = isShared ? { part, folder: requirePartFolder(part, out) } : null;
    if (!shared && out !== undefined) throw outWithoutPart(out);
    if (shared && report !== undefined) {
      throw new UsageError("report-of-part", "A part of an evaluation has no page of its own.", {
        fix: "Leave out --report, or measure everything in one process.",
      });
    }
    const { requireReportFolder } = await import("../output/output-paths.js");
    if (report !== undefined) await requireReportFolder(report);
    const paths = networkPaths(flags);
    const shown = reportImages(flags);
    const { openSource } = await import("../evaluation/evaluate.js");
    const source = await openSource({ ...flags, ...imageOptions(flags) }, this.note);
    const { openTokenizer } = await import("../tokenizer/open-tokenizer.js");
    const { openMetricNetworks, tooSmallForLpips, tooSmallForSsim } = await import("@revq/train");
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, flags.latents === undefined);
    if (flags.latents === undefined) {
      const { imageSize } = tokenizer;
      const lines = [tooSmallForSsim(imageSize), tooSmallForLpips(paths, imageSize)];
      for (const line of lines) if (line !== null) this.note(line);
    }
    const networks = await openMetricNetworks(paths, (await this.services()).openWeights);
    try {
      return shared
        ? await this.evaluatePart(tokenizer, source, this.options(networks, flags), shared)
        : await this.evaluateWhole(tokenizer, source, this.options(networks, flags), {
            ...flags,
            spec: args.tokenizer,
            shown,
          });
    } finally {
      networks.dispose();
      tokenizer.dispose();
    }
  }

  private async evaluatePart(
    tokenizer: Tokenizer,
    source: EvaluatedSource,
    options: EvaluationOptions,
    { part, folder }: { readonly part: ProcessPart; readonly folder: string },
  ): Promise<EvalPartResult> {
    const { countsText } = await import("@revq/train");
    const { evaluateOnePart, joinedText } = await import("../evaluation/evaluate.js");
    const { withFolder } = await import("../output/output-paths.js");
    const { index, count } = part;
    this.note(`Part ${index} of ${count}, from ${part.from}.`);
    const { kept, joined, counts } = await withFolder(folder, () =>
      evaluateOnePart(tokenizer, source, { folder, part }, options),
    );
    this.display.finish();
    if (kept > 0) this.note("The result of this part existed already.");
    const line = `${folder}: part ${index} of ${count}; ${countsText(counts)}`;
    this.log(joined ? joinedText(joined) : `${line}; \`revq merge ${folder}\` joins all parts`);
    return { folder, part: { index, count }, kept: kept > 0, ...counts, evaluation: joined?.metrics ?? null };
  }

  private async evaluateWhole(
    tokenizer: Tokenizer,
    source: EvaluatedSource,
    options: EvaluationOptions,
    flags: EvalFlags & { readonly spec: string; readonly shown: number },
  ): Promise<EvalResult> {
    const { countsText } = await import("@revq/train");
    const { evaluateWhole } = await import("../evaluation/evaluate.js");
    const { metricsText } = await import("../evaluation/results-table.js");
    const { spec, shown, data, latents, report } = flags;
    const measured = await evaluateWhole(tokenizer, source, { ...options, shown });
    this.display.finish();
    const { metrics, counts } = measured;
    const what = `${metrics.images} ${latents === undefined ? "images" : "latents"}`;
    this.log(metricsText(metrics, what));
    this.log(`${what}; ${countsText(counts)}`);
    if (report !== undefined) {
      const { writeEvalReport } = await import("../evaluation/write-report.js");
      const size = latents === undefined ? tokenizer.imageSize : null;
      const measuredOn = `${what} of ${sourcesText(latents ?? data!)}`;
      this.note(`Report: ${await writeEvalReport(report, { spec, tokenizer, measured, measuredOn, size })}`);
    }
    return { ...metrics, ...counts };
  }

  private options(networks: MetricNetworks, { batch }: EvalFlags) {
    return { batch, networks, signal: this.signal, note: this.note, report: this.display.update.bind(this.display) };
  }
}

interface EvalFlags {
  readonly data?: readonly string[] | undefined;
  readonly latents?: readonly string[] | undefined;
  readonly "skip-broken"?: boolean | undefined;
  readonly "pixel-limit"?: string | undefined;
  readonly limit?: number | undefined;
  readonly batch: number;
  readonly report?: string | undefined;
}

function outWithoutPart(folder: string): UsageError {
  return new UsageError(
    "out-without-shard",
    `-o ${folder} is the folder of parts, and this process measures everything.`,
    {
      fix: `Scores as JSON: --json. A page: --report ${folder}. Parts of the images: --shard i/n.`,
    },
  );
}

/** Throws `shard-without-out`. */
function requirePartFolder({ index, count, from }: ProcessPart, folder: string | undefined): string {
  if (folder !== undefined) return folder;
  throw new UsageError("shard-without-out", `Part ${index} of ${count} (from ${from}) has no folder for its result.`, {
    fix: "Name a folder that all parts share: -o FOLDER. To measure everything in this process: --shard 0/1.",
  });
}
