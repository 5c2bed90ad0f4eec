import { Flags } from "@oclif/core";
import { isRevqError, RevqError } from "@revq/core";
import {
  expandGrid,
  parseGrid,
  printOf,
  resolveConfig,
  runScheduled,
  trialConfig,
  TrialRecords,
  type FailedTrial,
  type FinishedTrial,
  type Grid,
  type RunConfig,
  type TrialConfig,
} from "@revq/train";
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beginAblation, joinAblation, writeOutcome, writePart, type AblateResult } from "../ablate/join.js";
import { lacksScores, messageOf, runTrial, scoreTrial, type TrialRun } from "../ablate/run-trial.js";
import { BaseCommand } from "../base-command.js";
import { readConfigFile } from "../settings/config-file.js";
import { configFlags, namedPlugins, userLayers } from "../settings/config-flags.js";
import { shardFlag, shardPart } from "../parts/part-of-process.js";

interface AblatePartResult {
  readonly part: { readonly index: number; readonly count: number };
  /** Trials of this part that are finished. */
  readonly finished: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: string }[];
}

interface ReadyTrial {
  readonly name: string;
  readonly config: RunConfig;
  readonly kept: TrialConfig;
}

/** Flags that take several values here, and the setting that each is. */
const axisFlags = {
  backbone: "backbone.id",
  quantizer: "quantizer.id",
  rectifier: "rectifier.id",
  recipe: "recipe",
  tokens: "quantizer.tokens",
  codes: "quantizer.codes",
} as const;

const severalOf = (what: string) =>
  Flags.string({ description: `${what}; several separated by commas`, helpValue: "<a,b>", helpGroup: "WHAT TO TRY" });

const { out: _out, recipe: _recipe, preset: _preset, bits: _bits, ...shared } = configFlags;

export default class Ablate extends BaseCommand {
  static override summary = "Train many tokenizers and compare them.";
  static override description = `Every combination of the values given is a trial, or every trial that a --grid file lists. Images are encoded once per backbone and shared. What is finished is never run again: the same command goes on where it was stopped, and new values add trials. A trial that fails is reported, the others go on.

Several processes share the trials with --shard i/n, or by what their scheduler says; \`revq merge\` joins what they made. Extract the images first (\`revq extract\`) and name the store as --data: else each process encodes them.

The output folder holds report.html (tables and rate-distortion curves), trials.csv, and under trials/ every tokenizer with its log.

A grid file is YAML: \`axes\` (a setting and its values), \`trials\` (a list of settings with names), \`base\` (settings of all trials):

  base: {train: {epochs: 4}}
  axes: {quantizer.id: [vq, multigroup], quantizer.tokens: [256, 512]}
  trials: [{name: paper, recipe: paper, quantizer: {id: multigroup, tokens: 256}}]`;
  static override examples = [
    {
      description: "Two quantizers at two sizes:",
      command:
        "<%= config.bin %> ablate --data photos --backbone linear --quantizer vq,multigroup --tokens 256,512 --out compared",
    },
    {
      description: "What a file lists, two at a time:",
      command: "<%= config.bin %> ablate --data photos --val held-out --grid grid.yaml --jobs 2 --out compared",
    },
    {
      description: "One of four machines, on latents that were extracted before; the last to finish joins:",
      command: "<%= config.bin %> ablate --data store --grid grid.yaml --shard 3/4 --out compared",
    },
  ];
  static override flags = {
    ...shared,
    backbone: severalOf("VAEs, by plugin id"),
    quantizer: severalOf("quantizers, by plugin id"),
    rectifier: severalOf("rectifiers, by plugin id"),
    recipe: severalOf("recipes, fit or paper"),
    tokens: severalOf("tokens per image (T)"),
    codes: severalOf("codes in each group's codebook (K)"),
    grid: Flags.string({
      description: "YAML file with what to try",
      helpValue: "<file>",
      helpGroup: "WHAT TO TRY",
    }),
    shard: shardFlag(),
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
    const found = shardPart(shard, process.env);
    const part = found && found.count > 1 ? found : null;
    if (part) this.note(`Part ${part.index} of ${part.count}, from ${part.from}.`);
    const fixed = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in axisFlags)));
    const layers = await userLayers(fixed);
    const file = gridFile === undefined ? null : parseGrid(await readConfigFile(gridFile), gridFile);
    const grid: Grid = { ...file, axes: { ...file?.axes, ...axesOf(flags) } };
    const listed = expandGrid(grid).map(({ name, layer }) => ({ name, values: layer }));
    // A trial is a process of its own, which finds the plugins by its configuration.
    const named = [...new Set(namedPlugins(fixed, [...layers, ...listed]))];
    const { plugins } = await this.services(named);

    const root = resolve(out);
    const failed: FailedTrial[] = [];
    const all: ReadyTrial[] = [];
    for (const { name, values } of listed) {
      try {
        const given = [...layers, { name: `trial ${name}`, values }];
        const config = { ...resolveConfig(given, plugins).config, plugins: named };
        const weights =
          plugins.get("backbone", config.backbone.id).weights === "fitted" ? null : config.backbone.weights;
        const cleaned = { ...config, backbone: { ...config.backbone, weights } };
        const store = join(root, "latents", keyOf(cleaned));
        const kept = trialConfig(cleaned);
        all.push({ name, kept, config: { ...cleaned, data: { ...cleaned.data, store } } });
      } catch (error) {
        failed.push({ name, config: null, error: messageOf(error) });
      }
    }
    if (all.length === 0) {
      throw new RevqError("no-trial-possible", `No trial is possible: ${failed[0]!.error}`, {
        fix: "`revq plugins` lists what there is to try.",
      });
    }

    await mkdir(root, { recursive: true });
    const plan = {
      formatVersion: 1,
      parts: part?.count ?? 1,
      asked: grid,
      trials: all.map(({ name, kept }) => ({ name, config: kept })),
      impossible: [...failed],
    } as const;
    const ready = part ? all.filter((_, index) => index % part.count === part.index) : all;
    if (part) {
      await beginAblation(root, plan);
      failed.length = 0; // those are in the plan
    }
    const records = new TrialRecords(join(root, "results"));
    const finished = new Map<string, FinishedTrial>();
    const todo: ReadyTrial[] = [];
    for (const trial of ready) {
      const before = await records.read(trial.name, trial.kept);
      if (before) finished.set(trial.name, before);
      if (!before || lacksScores(trial.config, before.result)) todo.push(trial);
    }
    const toScore = todo.filter(({ name }) => finished.has(name)).length;
    this.note(
      `${ready.length} trials, ${finished.size} of them finished before${toScore > 0 ? `, ${toScore} of those to be scored again` : ""}.`,
    );
    this.adviceAfterInterrupt = "Go on from here: the same command.";

    const total = ready.length;
    const progress = (detail: string): void => {
      this.display.update({ phase: "trials", done: Math.min(total, finished.size + failed.length), total, detail });
    };
    await runScheduled(
      todo.map((trial) => ({ trial, key: trial.config.data.latents === null ? keyOf(trial.config) : trial.name })),
      jobs,
      async ({ name, config, kept }) => {
        progress(name);
        try {
          const run: TrialRun = {
            root: join(root, "trials"),
            // Other settings, another folder: a run never goes on from what others left.
            name: `${name}-${printOf(kept).slice(0, 6)}`,
            config,
            program: [process.execPath, process.argv[1]!],
            signal: this.signal,
          };
          const before = finished.get(name);
          const result = before ? await scoreTrial(run, before.result) : await runTrial(run);
          const trial: FinishedTrial = { name, config: kept, result };
          await records.write(trial);
          finished.set(name, trial);
          this.note(
            `${name}: latent mse ${result.latentMse.rectified.toFixed(4)} at ${result.bitsPerImage.toFixed(0)} bits`,
          );
          return true;
        } catch (error) {
          this.signal.throwIfAborted();
          failed.push({ name, config: kept, error: messageOf(error) });
          this.note(`${name} failed: ${messageOf(error)}`);
          return false;
        } finally {
          progress("");
        }
      },
    );
    this.display.finish();

    const done = ready.flatMap(({ name }) => finished.get(name) ?? []);
    if (!part) {
      const { result, text } = await writeOutcome(root, { finished: done, failed }, grid);
      this.log(text);
      return result;
    }
    await writePart(root, plan, part.index, failed);
    try {
      const { result, text } = await joinAblation([root], root);
      this.log(text);
      return result;
    } catch (error) {
      if (!isRevqError(error) || error.code !== "ablation-unfinished") throw error;
    }
    this.log(
      `${out}: part ${part.index} of ${part.count}, ${done.length} trials finished, ${failed.length} failed; \`revq merge ${out}\` joins them when all parts are done`,
    );
    return {
      part: { index: part.index, count: part.count },
      finished: done.map(({ name }) => name),
      failed: failed.map(({ name, error }) => ({ name, error })),
    };
  }
}

function axesOf(flags: Readonly<Record<string, unknown>>): Record<string, unknown[]> {
  const axes: Record<string, unknown[]> = {};
  for (const [flag, path] of Object.entries(axisFlags)) {
    const text = flags[flag];
    if (typeof text !== "string") continue;
    const values = text.split(",").map((part) => part.trim());
    axes[path] = values.map((value) => {
      if (flag !== "tokens" && flag !== "codes") return value;
      const number = Number(value);
      if (Number.isInteger(number) && number > 0) return number;
      throw new RevqError("flag-invalid", `--${flag} ${text}: "${value}" is not a number of ${flag}.`, {
        fix: `For example: --${flag} 256,512`,
        exitCode: 2,
      });
    });
  }
  return axes;
}

/** Trials with the same key encode the same images with the same backbone. */
function keyOf({ backbone, data, seed }: RunConfig): string {
  const { train, val, validationFraction, imageSize, limit } = data;
  const { embed: _embed, ...made } = backbone;
  const split = val === null ? { validationFraction, seed } : {};
  const key = JSON.stringify([made, { train, val, imageSize, limit }, split]);
  return `${backbone.id}-${createHash("sha256").update(key).digest("hex").slice(0, 8)}`;
}
