import { Flags } from "@oclif/core";
import type { TrainResult } from "@revq/train";
import { resolveConfig } from "@revq/train/config";
import { join } from "node:path";
import { BaseCommand } from "../base-command.js";
import { configFlags } from "../settings/config-flags.js";
import { namedPlugins, userLayers } from "../settings/layers.js";
import { onTopOfRun } from "../settings/resumed-run.js";
import type { DryRunReport } from "../train/dry-run.js";
import { withBundledLpips } from "../weights/bundled-lpips.js";
import { withEmbeddedWeights } from "../weights/embedded-weights.js";

export default class Train extends BaseCommand {
  static override summary = "Train a tokenizer on a folder of images, or on latents.";
  static override description = `Encodes the images once with a pretrained VAE, learns codebooks and a rectifier on the latents, and scores the result on held-out images. The output folder is the tokenizer: config.json, model.safetensors, README.md. Its folder run/ holds the files of the run: samples.png, metrics.jsonl, checkpoints.

A run that was stopped goes on with --resume and its folder. Its settings come from its run/config.yaml; flags count on top. More --epochs train a finished run further: the learning rate then follows the schedule of the larger number, so it rises again. Other picture steps begin the picture stage again, after the same epochs. Settings that a run keeps are refused by name.

Settings: defaults < preset < --config file < REVQ_* environment < flags. \`revq config\` prints the result. The paper's presets imply --recipe paper unless --recipe kmeans is given.`;
  static override examples = [
    {
      description: "With the bundled VAE and photo crops:",
      command: "<%= config.bin %> train --backbone sd-vae --quantizer multigroup --preset tiny",
    },
    {
      description: "On your photos, with your own held-out photos:",
      command: "<%= config.bin %> train --data photos/train --val photos/val -o my-tokenizer",
    },
    {
      description: "With a pretrained tiny autoencoder, at most 4096 bits an image:",
      command: "<%= config.bin %> train --backbone tae --weights weights/ --data photos --bits 4096",
    },
    {
      description: "TAESD's fast encoder with the decoder of the VAE that it imitates:",
      command:
        "<%= config.bin %> train --backbone tae --weights hf:madebyollin/taesd --decoder sd-vae --decoder-weights hf:stabilityai/sd-vae-ft-mse --data photos",
    },
    {
      description: "The authors' recipe on latents that exist already:",
      command:
        "<%= config.bin %> train --latents train.npy --val-latents val.npy --recipe paper --tokens 256 --codes 512",
    },
    { description: "Preview a run:", command: "<%= config.bin %> train --data photos --preset 512T --dry-run" },
    {
      description: "Continue after Ctrl-C:",
      command: "<%= config.bin %> train --resume -o my-tokenizer",
    },
    {
      description: "Train a finished run further:",
      command: "<%= config.bin %> train --resume -o my-tokenizer --epochs 12",
    },
  ];
  static override flags = {
    ...configFlags,
    resume: Flags.boolean({
      default: false,
      description:
        "continue from the last checkpoint in --out, with the settings of the run: other flags are not needed; start if there is none",
    }),
    "dry-run": Flags.boolean({
      default: false,
      description: "print the resolved configuration, shapes, parameters and bits, and stop",
    }),
  };

  async run(): Promise<TrainResult | DryRunReport> {
    const { flags } = await this.parse(Train);
    const given = await userLayers(flags);
    const layers = flags.resume ? await onTopOfRun(given, this.note) : given;
    const services = await this.services(namedPlugins(flags, layers));
    const resolved = await withEmbeddedWeights(withBundledLpips(resolveConfig(layers, services.plugins)), this.note);
    const { config } = resolved;
    const { bundledImages } = await import("../train/bundled-images.js");
    const { cardUsage } = await import("../train/card-usage.js");
    const engine = await this.startEngine(services, config.engine, flags.verbose);
    const dependencies = {
      ...services,
      sampleImages: bundledImages(),
      usage: cardUsage,
      engine: engine.id,
      report: this.display.update.bind(this.display),
      note: this.note,
      signal: this.signal,
    };

    if (flags["dry-run"]) {
      const { dryRun } = await import("../train/dry-run.js");
      const { report, text } = await dryRun(resolved, dependencies);
      this.log(text);
      return report;
    }
    const { countsText, gapText, trainTokenizer } = await import("@revq/train");
    const { resultsTable, secondsLine } = await import("../evaluation/results-table.js");
    this.adviceAfterInterrupt = `To continue: ${this.config.bin} train --resume -o ${config.out ?? "FOLDER, with the output folder above"}`;
    const result = await trainTokenizer(resolved, { resume: flags.resume }, dependencies);
    this.display.finish();
    this.log(`\n${resultsTable(result, result.psnr === null ? "held-out latents" : "held-out images")}`);
    this.log(gapText(result));
    this.log(`${result.images} ${config.data.latents === null ? "images" : "latents"}; ${countsText(result)}.`);
    this.log(
      `Codebook usage, perplexity, entropy and samples per code are over the training data. Time: ${secondsLine(result.seconds)}.`,
    );
    this.log(`\nTokenizer:       ${result.tokenizer}`);
    if (result.psnr !== null) this.log(`Reconstructions: ${join(result.tokenizer, "run", "samples.png")}`);
    return result;
  }
}
