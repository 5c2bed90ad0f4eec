/**
 * Trials: their settings, their results, and the records that remember which trials are finished.
 */
import { isRevqError, type pluginKinds, RevqError, type PluginRegistry } from "@revq/core";
import { sha256, writeFileAtomic } from "@revq/formats/node";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { joinLayers, type ConfigLayer } from "../config/layer.js";
import { explicitLayer, resolveConfig, type NamedLayer, type ResolvedConfig } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import { tooSmallForLpips } from "../evaluation/missing-scores.js";
import type { TrainResult } from "../run/records.js";
import { expandGrid, type Grid } from "./grid.js";

/** The settings that decide a trial's result; no paths of outputs. */
export type TrialConfig = Pick<RunConfig, "recipe" | "seed" | "bits" | "train" | "data" | (typeof pluginKinds)[number]>;

/** A trial that can run. */
export interface Trial {
  readonly name: string;
  readonly config: RunConfig;
  /** What the user named of it, for the process that trains it: the defaults fill in the rest. */
  readonly given: ConfigLayer;
  /** Its result is valid for these settings. */
  readonly settings: TrialConfig;
}

export interface FinishedTrial {
  readonly name: string;
  readonly config: TrialConfig;
  readonly result: TrainResult;
}

export interface FailedTrial {
  readonly name: string;
  readonly config: TrialConfig | null;
  readonly error: string;
}

export interface TrialsInput {
  readonly grid: Grid;
  /** Settings of all trials, weakest first. */
  readonly layers: readonly NamedLayer[];
  readonly plugins: PluginRegistry;
  /** Packages and files that bring plugins: the process of a trial loads them again. */
  readonly pluginPackages: readonly string[];
  /** Output folder: trials share latents in it. */
  readonly root: string;
  /** Adds what the caller has of its own, such as weights. Default: nothing. */
  readonly complete?: (resolved: ResolvedConfig) => ResolvedConfig;
}

/**
 * Resolves every trial of a grid. Throws `grid-empty`, and `no-trial-possible` when no trial has
 * valid settings.
 */
export function planTrials({ grid, layers, plugins, pluginPackages, root, complete = (all) => all }: TrialsInput): {
  readonly trials: readonly Trial[];
  readonly impossible: readonly FailedTrial[];
} {
  const trials: Trial[] = [];
  const impossible: FailedTrial[] = [];
  for (const { name, layer } of expandGrid(grid)) {
    try {
      const all = [...layers, { name: `trial ${name}`, values: layer }];
      const resolved = complete(resolveTrial(all, plugins));
      const config = { ...resolved.config, plugins: [...pluginPackages] };
      const store = join(root, "latents", latentsKey(config));
      const given = joinLayers(explicitLayer(resolved), { plugins: config.plugins, data: { store } });
      trials.push({
        name,
        settings: trialSettings(config),
        config: { ...config, data: { ...config.data, store } },
        given,
      });
    } catch (error) {
      impossible.push({ name, config: null, error: messageOf(error) });
    }
  }
  if (trials.length > 0) return { trials, impossible };
  throw new RevqError("no-trial-possible", `No trial is possible: ${impossible[0]!.error}`, {
    fix: "Check the plugins and their options.",
  });
}

/** Weights that all trials are given are for the backbones that read them. */
function resolveTrial(layers: readonly NamedLayer[], plugins: PluginRegistry): ResolvedConfig {
  const without = resolveConfig(
    [...layers, { name: "a fitted backbone", values: { backbone: { weights: null } } }],
    plugins,
  );
  const fitted = plugins.get("backbone", without.config.backbone.id).weights === "fitted";
  return fitted ? without : resolveConfig(layers, plugins);
}

function trialSettings(config: RunConfig): TrialConfig {
  const { recipe, seed, bits, backbone, transform, quantizer, rectifier, train, data } = config;
  return { recipe, seed, bits, backbone, transform, quantizer, rectifier, train, data: { ...data, store: null } };
}

/** Trials with the same key encode the same images with the same backbone. */
export function latentsKey({ backbone, data, seed }: RunConfig): string {
  const { train, val, validationFraction, imageSize, limit } = data;
  const { embed: _embed, decoder: _decoder, ...made } = backbone; // the encoder alone makes latents
  const split = val === null ? { validationFraction, seed } : {};
  const key = JSON.stringify([made, { train, val, imageSize, limit }, split]);
  return `${backbone.id}-${sha256(key).slice(0, 8)}`;
}

/** Name of a trial's folder below `trials/`: other settings have another folder. */
export function trialFolder({ name, settings }: Pick<Trial, "name" | "settings">): string {
  return `${name}-${trialHash(settings).slice(0, 6)}`;
}

/** Same settings, same hash. */
export function trialHash(config: TrialConfig): string {
  return sha256(JSON.stringify(config)).slice(0, 16);
}

/**
 * True when a finished trial lacks image metrics that the settings name now, and there are held-out
 * images.
 */
export function lacksMetrics({ score, data }: RunConfig, result: TrainResult): boolean {
  if (data.val === null || result.psnr === null) return false;
  const lpips = score.lpips !== null && tooSmallForLpips(score, data.imageSize) === null;
  return (lpips && result.lpips === null) || (score.inception !== null && result.rfid === null);
}

export function messageOf(error: unknown): string {
  return isRevqError(error) || error instanceof Error ? error.message : String(error);
}

/** Results of finished trials, one file each. A trial with a record is never run again. */
export class TrialRecords {
  constructor(private readonly folder: string) {}

  /** Null when the trial did not finish, or finished with other settings. */
  async read(name: string, config: TrialConfig): Promise<FinishedTrial | null> {
    let record: FinishedTrial & { readonly hash: string };
    try {
      record = JSON.parse(await readFile(this.path(name), "utf8")) as typeof record;
    } catch {
      return null;
    }
    if (record.hash !== trialHash(config)) return null;
    return { name, config: record.config, result: record.result };
  }

  async write(trial: FinishedTrial): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const record = { hash: trialHash(trial.config), ...trial };
    await writeFileAtomic(this.path(trial.name), `${JSON.stringify(record, null, 2)}\n`);
  }

  private path(name: string): string {
    return join(this.folder, `${name}.json`);
  }
}
