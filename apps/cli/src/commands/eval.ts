import { Flags } from "@oclif/core";
import { openImages, openLatents } from "@revq/data";
import { evaluateImages, evaluateLatents, type Evaluation } from "@revq/train";
import { RevqError, type LatentSource } from "@revq/core";
import { BaseCommand, engineFlag } from "../base-command.js";
import { imageSizeOf, openTokenizer, tokenizerArgument, weightsFlag } from "../open-tokenizer.js";
import { resultsTable } from "../results-table.js";

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
    weights: weightsFlag,
    engine: engineFlag,
  };

  async run(): Promise<Evaluation> {
    const { args, flags } = await this.parse(Eval);
    if (flags.data === undefined && flags.latents === undefined) {
      throw new RevqError("eval-nothing", "Nothing to score on: neither --data nor --latents was given.", {
        fix: "revq eval TOKENIZER --data DIR",
        exitCode: 2,
      });
    }
    const tokenizer = await openTokenizer(this, args.tokenizer, flags, { backbone: flags.latents === undefined });
    const options = { batch: flags.batch, signal: this.signal, report: this.display.update.bind(this.display) };
    let evaluation: Evaluation;
    if (flags.latents !== undefined) {
      evaluation = await evaluateLatents(tokenizer, firstLatents(await openLatents(flags.latents), flags.limit), {
        ...options,
        batch: 64,
      });
    } else {
      const images = await openImages(flags.data!, { size: imageSizeOf(tokenizer), ...limitOf(flags) });
      evaluation = (await evaluateImages(tokenizer, images, options)).evaluation;
      for (const { name, reason } of images.skipped) this.note(`Skipped ${name}: ${reason}`);
    }
    tokenizer.dispose();
    this.display.finish();
    this.log(
      `\n${resultsTable(evaluation, `${evaluation.images} ${flags.latents === undefined ? "images" : "latents"}`)}`,
    );
    return evaluation;
  }
}

function limitOf({ limit }: { limit?: number | undefined }): { limit?: number } {
  return limit === undefined ? {} : { limit };
}

function firstLatents(source: LatentSource, limit = source.count): LatentSource {
  return { shape: source.shape, count: Math.min(limit, source.count), read: (indices) => source.read(indices) };
}
