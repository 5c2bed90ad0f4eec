import { Flags } from "@oclif/core";
import { createRandom } from "@revq/core";
import type { RecipeName } from "@revq/train/config";
import { BaseCommand } from "../../base-command.js";
import { durationText, fullTraining, type FullTraining } from "../../bench/full-training.js";
import { latentShape, setupNames, stepSetup, type SetupName } from "../../bench/step-setup.js";
import type { StepReport, StepTimes } from "../../bench/step.js";
import { engineFlag } from "../../settings/engine-flag.js";

interface BenchStepResult extends StepReport {
  readonly engine: string;
  readonly preset: SetupName;
  readonly recipe: RecipeName;
  readonly batch: number;
  readonly steps: number;
  readonly fullTraining: FullTraining;
}

const partNames: Record<keyof StepTimes, string> = {
  quantize: "nearest codes",
  rectifierForward: "rectifier forward",
  rectifierBackward: "rectifier backward",
  optimizer: "clipping and AdamW",
  total: "whole step",
};

export default class BenchStep extends BaseCommand {
  static override summary = "Time a training step, and estimate the time of the whole training on this machine.";
  static override description = `Trains on random latents of the paper's shape (32 channels, 8 x 8). Three steps warm up, then the median of --steps counts. The parts are timed one by one after the whole steps, so they need not add up.

Presets: 512T, 256T-B and 256T-L are the paper's (100 epochs of ImageNet). tiny is a first try on the bundled images. small has 256 tokens of 512 codes and a rectifier of 204,000 parameters.`;
  static override examples = [
    "<%= config.bin %> bench step",
    {
      description: "The paper's tokenizer with 512 tokens, on a machine with little memory:",
      command: "<%= config.bin %> bench step --preset 512T --batch 16",
    },
    {
      description: "Compare the GPU with the CPU:",
      command: "<%= config.bin %> bench step --engine onnx && <%= config.bin %> bench step --engine webgpu",
    },
  ];
  static override flags = {
    preset: Flags.string({ description: "the training", options: setupNames, default: "small" }),
    batch: Flags.integer({ description: "images per step (default: that of the preset)", min: 1 }),
    steps: Flags.integer({ description: "timed steps", min: 1, default: 5 }),
    engine: engineFlag,
  };

  async run(): Promise<BenchStepResult> {
    const { flags } = await this.parse(BenchStep);
    const services = await this.services(flags.plugin);
    const { plugins } = services;
    const { name, config, images } = stepSetup(flags.preset as SetupName, flags.batch, plugins);
    const { requireTraining } = await import("../../bench/measure.js");
    const { benchCodec } = await import("../../bench/rectifier-step.js");
    const { benchStep } = await import("../../bench/step.js");
    const { createCodec, createTransform, epochsOf, planTraining } = await import("@revq/train");
    const engine = await this.startEngine(services, flags.engine, flags.verbose);
    requireTraining(engine);
    const random = createRandom(config.seed);
    const context = { random, report: this.display.update.bind(this.display), signal: this.signal };
    const plan = await planTraining({ config, latentShape, samples: images, plugins, context });
    const transform = await createTransform(plan, plugins);
    const { quantizer, rectifier } = await createCodec(plan, plugins, random);
    let report: StepReport;
    try {
      report = await benchStep({
        codec: benchCodec(transform, { quantizer, rectifier }),
        config,
        engine,
        random,
        steps: flags.steps,
        signal: this.signal,
        report: (done, total) => this.display.update({ phase: "time steps", done, total }),
      });
    } finally {
      for (const part of [transform, quantizer, rectifier]) part.dispose();
    }
    this.display.finish();
    const { recipe } = config;
    const { batch } = config.train;
    const full = fullTraining(recipe, { batch, epochs: epochsOf(config, null) }, images, report.msPerStep);
    const { tokens, codes, parameters } = plan.summary;
    const count = (value: number): string => value.toLocaleString("en-US");
    this.log(
      `${name}, batch ${batch}: ${tokens} tokens of ${codes[0]} codes, rectifier of ${count(parameters.rectifier)} parameters, recipe ${recipe}\n`,
    );
    for (const [part, title] of Object.entries(partNames) as [keyof StepTimes, string][]) {
      const everyStep = recipe === "paper" || part !== "quantize";
      if (everyStep) this.log(`  ${title.padEnd(20)} ${report.msPerStep[part].toFixed(1).padStart(10)} ms`);
    }
    const gpu = report.gpuBytes === null ? "" : `, ${(report.gpuBytes / 2 ** 20).toFixed(0)} MiB on the GPU`;
    this.log(`  ${"peak memory".padEnd(20)} ${report.peakRssMiB.toFixed(0).padStart(10)} MiB${gpu}`);
    this.log(
      `\nThe full training, ${full.epochs} epochs of ${count(full.images)} images in ${count(full.steps)} steps, would take ${durationText(full.hours)} here, without encoding and measuring.`,
    );
    return { engine: engine.id, preset: name, recipe, batch, steps: flags.steps, ...report, fullTraining: full };
  }
}
