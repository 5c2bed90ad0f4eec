import { Flags } from "@oclif/core";
import type { AblateResult, Grid, Part } from "@revq/train";
import { resolve } from "node:path";
import { axesOf, axisFlags } from "../ablate/axes.js";
import { BaseCommand } from "../base-command.js";
import { partOfProcess, shardFlag } from "../parts/part-of-process.js";
import { readConfigFile } from "../settings/config-file.js";
import { configFlags } from "../settings/config-flags.js";
import { namedPlugins, userLayers } from "../settings/layers.js";
import { withBundledLpips } from "../weights/bundled-lpips.js";

interface AblatePartResult {
  readonly part: Part;
  /** Finished trials of this part. */
  readonly finished: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: string }[];
}

const { out: _out, recipe: _recipe, preset: _preset, bits: _bits, ...sharedFlags } = configFlags;

export default class Ablate extends BaseCommand {
  static override summary = "Train many tokenizers and compare them.";
  static override description = `Every combination of the given values is a trial; or a --grid file lists the trials. Images are encoded once per backbone, and trials share the latents. A finished trial never runs again: the same command continues where it was stopped, and new values add trials. A failed trial is reported, and the others continue.

Several processes share the trials with --shard i/n, or with the variables of their scheduler. \`revq merge\` joins their parts. Encode the images first with \`revq extract\`, and name the store as --data: otherwise each process encodes them.

Compare trials at equal bits: with --bits every quantizer chooses tokens and codes for that budget. A trial that cannot spend it fails and says which bits it can spend. Without equal bits the page says so. It marks the best trial by LPIPS (else PSNR, else latent mse), and the Pareto front: of quality against bits, or against time at equal bits.

The output folder has report.html (table, the same crops of every trial, curves), trials.csv, and the tokenizers with their logs under trials/.

A grid file is YAML: \`axes\` (settings and their values), \`trials\` (a list of settings with names), \`base\` (settings of all trials):

  base: {train: {epochs: 4}}
  axes: {quantizer.id: [vq, multigroup], quantizer.tokens: [256, 512]}
  trials: [{name: paper, recipe: paper, quantizer: {id: multigroup, tokens: 256}}]`;
  static override examples = [
    {
      description: "Two quantizers with two numbers of tokens:",
      command:
        "<%= config.bin %> ablate --data photos --backbone linear --quantizer vq,multigroup --tokens 256,512 --out compared",
    },
    {
      description: "Three quantizers at 10,240 bits an image:",
      command: "<%= config.bin %> ablate --data photos --quantizer vq,residual,multigroup --bits 10240 --out compared",
    },
    {
      description: "The trials of a file, two at a time:",
      command: "<%= config.bin %> ablate --data photos --val held-out --grid grid.yaml --jobs 2 --out compared",
    },
    {
      description: "Part 3 of 4, on a store of latents; the last part to finish joins all:",
      command: "<%= config.bin %> ablate --data store --grid grid.yaml --shard 3/4 --out compared",
    },
  ];
  static override flags = {
    ...sharedFlags,
    ...axisFlags,
    bits: Flags.integer({
      description: "bits an image of every trial: tokens and codes that are open are chosen for it",
      min: 1,
      helpGroup: "TRIALS",
    }),
    grid: Flags.string({ description: "YAML file with the trials", helpValue: "<file>", helpGroup: "TRIALS" }),
    shard: shardFlag,
    jobs: Flags.integer({ description: "trials that run at once", default: 1, min: 1 }),
    out: Flags.string({
      char: "o",
      description: "folder of the trials and the report",
      required: true,
      helpValue: "<dir>",
    }),
  };

  async run(): Promise<AblateResult | AblatePartResult> {
    const { flags } = await this.parse(Ablate);
    const { grid: gridFile, jobs, out, shard, ...rest } = flags;
    const found = partOfProcess(shard, process.env);
    const part = found && found.count > 1 ? found : null;
    if (part) this.note(`Part ${part.index} of ${part.count}, from ${part.from}.`);
    const fixed = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in axisFlags)));
    const layers = await userLayers(fixed);
    const { expandGrid, parseGrid, planTrials, runAblation } = await import("@revq/train");
    const { ablationText } = await import("../ablate/table.js");
    const { createTrialRunner } = await import("../ablate/trial-runner.js");
    const file = gridFile === undefined ? null : parseGrid(await readConfigFile(gridFile), gridFile);
    const grid: Grid = { ...file, axes: { ...file?.axes, ...axesOf(flags) } };
    const listed = expandGrid(grid).map(({ name, layer }) => ({ name, values: layer }));
    const pluginPackages = [...new Set(namedPlugins(fixed, [...layers, ...listed]))];
    const { plugins } = await this.services(pluginPackages);

    const root = resolve(out);
    const { signal, note } = this;
    const planned = planTrials({ grid, layers, plugins, pluginPackages, root, complete: withBundledLpips });
    this.adviceAfterInterrupt = "The same command continues from here.";
    const { finished, failed, joined } = await runAblation({
      root,
      grid,
      ...planned,
      part: part && { index: part.index, count: part.count },
      jobs,
      runner: createTrialRunner(resolve(root, "trials"), { program: [process.execPath, process.argv[1]!], signal }),
      note,
      progress: (done, total, detail) => this.display.update({ phase: "trials", done, total, detail }),
      signal,
    });
    this.display.finish();
    if (joined) {
      this.log(ablationText(joined));
      return joined.result;
    }
    const { index, count } = part!;
    this.log(
      `${out}: part ${index} of ${count}, ${finished.length} trials finished, ${failed.length} failed; \`revq merge ${out}\` joins all parts when they are done`,
    );
    return {
      part: { index, count },
      finished: finished.map(({ name }) => name),
      failed: failed.map(({ name, error }) => ({ name, error })),
    };
  }
}
