import { Flags } from "@oclif/core";
import { sampleImages as embeddedImages, sampleImagesFolder } from "@revq/sample-images";
import { resolveConfig, trainTokenizer, type TrainResult } from "@revq/train";
import { RevqError } from "@revq/core";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { BaseCommand } from "../base-command.js";
import { configFlags, namedPlugins, userLayers } from "../config-flags.js";
import { withEmbeddedWeights } from "../embedded-weights.js";
import { dryRun, type DryRunReport } from "../dry-run.js";
import { resultsTable, secondsLine } from "../results-table.js";

export default class Train extends BaseCommand {
  static override summary = "Train a tokenizer on a folder of images, or on latents.";
  static override description = `Encodes the images once with a pretrained VAE, learns codebooks and a rectifier on the latents, scores the result on held-out images. The output folder is the tokenizer: config.json, model.safetensors, README.md. What belongs to the run alone (samples.png, metrics.jsonl, checkpoints) is under run/ in it.

Settings: defaults < preset < --config file < REVQ_* environment < flags; \`revq config\` shows what comes out. The paper's presets imply --recipe paper unless --recipe fit is given.`;
  static override examples = [
    {
      description: "With the VAE and the photographs that come with revq:",
      command: "<%= config.bin %> train --backbone sd-vae --quantizer multigroup --preset tiny",
    },
    {
      description: "On your photos, with held-out ones of their own:",
      command: "<%= config.bin %> train --data photos/train --val photos/val -o my-tokenizer",
    },
    {
      description: "With a pretrained tiny autoencoder, at most 4096 bits an image:",
      command: "<%= config.bin %> train --backbone tae --weights weights/ --data photos --bits 4096",
    },
    {
      description: "The authors' recipe on latents you have already:",
      command:
        "<%= config.bin %> train --latents train.npy --val-latents val.npy --recipe paper --tokens 256 --codes 512",
    },
    { description: "What would it do?", command: "<%= config.bin %> train --data photos --preset 512T --dry-run" },
    { description: "Go on after Ctrl-C:", command: "<%= config.bin %> train --data photos -o my-tokenizer --resume" },
  ];
  static override flags = {
    ...configFlags,
    resume: Flags.boolean({
      default: false,
      description: "go on from the last checkpoint in --out; from the beginning if there is none",
    }),
    "dry-run": Flags.boolean({
      default: false,
      description: "print the resolved config, shapes, parameters and bits, and stop",
    }),
  };

  async run(): Promise<TrainResult | DryRunReport> {
    const { flags } = await this.parse(Train);
    const layers = await userLayers(flags);
    const services = await this.services(namedPlugins(flags, layers));
    const resolved = await withEmbeddedWeights(resolveConfig(layers, services.plugins), this.note);
    const { config } = resolved;
    if (flags.resume && config.out === null) {
      throw new RevqError("resume-without-out", "--resume needs to know which run: --out is missing.", {
        fix: "Name the run's folder: --resume --out DIR.",
        exitCode: 2,
      });
    }
    const engine = await this.startEngine(services, config.engine, flags.verbose as boolean);
    const photographs = new Map(embeddedImages.map(({ name, photograph }) => [name, photograph]));
    const sampleImages = {
      folder: fileURLToPath(sampleImagesFolder),
      photographOf: (name: string) => photographs.get(name) ?? name,
    };
    const report = this.display.update.bind(this.display);
    const dependencies = { ...services, sampleImages, engine: engine.id, report, note: this.note, signal: this.signal };

    if (flags["dry-run"]) {
      const { report: planned, text } = await dryRun(resolved, dependencies);
      this.log(text);
      return planned;
    }
    this.adviceAfterInterrupt = "Go on from here: the same command with --resume and this folder as --out.";
    const result = await trainTokenizer(resolved, { resume: flags.resume }, dependencies);
    this.display.finish();
    this.log(`\n${resultsTable(result, result.psnr === null ? "held-out latents" : "held-out images")}`);
    this.log(
      `Codebook usage, perplexity, entropy and samples per code are over the training data. Took: ${secondsLine(result.seconds)}.`,
    );
    this.log(`\nTokenizer:       ${result.tokenizer}`);
    if (result.psnr !== null) this.log(`Reconstructions: ${join(result.tokenizer, "run", "samples.png")}`);
    return result;
  }
}
