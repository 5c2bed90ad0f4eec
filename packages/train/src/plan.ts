/** Decides what depends on the data: tokens, codes and groups; then makes the two trainable parts. Also what `--dry-run` prints. */
import {
  bitsPerImage,
  createRandom,
  latentShapeToArray,
  parseOptions,
  RevqError,
  type FitContext,
  type LatentShape,
  type LatentSource,
  type PluginRegistry,
  type Quantizer,
  type QuantizerDescription,
  type QuantizerPlugin,
  type Random,
  type Rectifier,
  type RectifierPlugin,
} from "@revq/core";
import type { RunConfig } from "./config/schema.js";

/** A plugin with all its options, as config.json keeps them. */
export interface Planned {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TrainingPlan<Part extends Planned = Planned> {
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly quantizer: Part;
  readonly rectifier: Part;
  /** Why the quantizer chose what the user left open. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly summary: PlanSummary;
}

export interface Made<T> extends Planned {
  readonly instance: T;
}

/** A plan whose two trainable parts exist; the caller disposes them. */
export interface MadePlan extends TrainingPlan {
  readonly quantizer: Made<Quantizer>;
  readonly rectifier: Made<Rectifier>;
}

export interface PlanSummary {
  readonly latentShape: readonly [number, number, number];
  readonly trainingSamples: number;
  readonly tokens: number;
  readonly groups: number;
  readonly codes: readonly number[];
  readonly bitsPerImage: number;
  readonly samplesPerCode: number;
  readonly parameters: { readonly codebooks: number; readonly rectifier: number };
}

/** Under this many samples a code a centroid is mostly noise (method: a centroid wants 30 to 50). */
const wantedSamplesPerCode = 30;

/** Allocates nothing, whatever the size of the model, when the plugins can describe what they would make. */
export function planTraining(
  config: RunConfig,
  latentShape: LatentShape,
  samples: number,
  plugins: PluginRegistry,
): TrainingPlan {
  const quantizerPlugin = plugins.get("quantizer", config.quantizer.id);
  const rectifierPlugin = plugins.get("rectifier", config.rectifier.id);
  const { id: quantizerId, ...given } = config.quantizer;
  const { id: rectifierId, ...rectifierGiven } = config.rectifier;

  parseOptions(quantizerPlugin, given);
  if (config.bits !== null && !quantizerPlugin.plan) {
    throw new RevqError("bits-not-supported", `The quantizer ${quantizerId} cannot plan for a budget of bits.`, {
      fix: "Leave out --bits and set its own options; `revq plugins` lists them.",
    });
  }
  const planned = quantizerPlugin.plan?.({
    options: given,
    latentShape,
    samples,
    ...(config.bits !== null ? { bits: config.bits } : {}),
  }) ?? { options: given, reasons: [] };
  const quantizer = { id: quantizerId, options: parseOptions(quantizerPlugin, planned.options) };
  const rectifier = { id: rectifierId, options: parseOptions(rectifierPlugin, rectifierGiven) };

  return complete({ latentShape, samples, quantizer, rectifier, reasons: planned.reasons }, plugins);
}

/** The plan with what a quantizer chooses out of the latents themselves. */
export async function settlePlan(
  plan: TrainingPlan,
  train: LatentSource,
  plugins: PluginRegistry,
  { random, report, signal }: FitContext,
): Promise<TrainingPlan> {
  const { id, options } = plan.quantizer;
  const plugin = plugins.get("quantizer", id);
  if (!plugin.settle) return plan;
  const settled = await plugin.settle(options, train, { random: random.fork("settle"), report, signal });
  const quantizer = { id, options: parseOptions(plugin, settled.options) };
  return complete({ ...plan, quantizer, reasons: settled.reasons }, plugins);
}

/** Adds what the options come to. */
function complete(given: Omit<TrainingPlan, "warnings" | "summary">, plugins: PluginRegistry): TrainingPlan {
  const { latentShape, samples, quantizer, rectifier } = given;
  const quantizerPlugin = plugins.get("quantizer", quantizer.id);
  const rectifierPlugin = plugins.get("rectifier", rectifier.id);
  const { tokens, parameters } = describeQuantizer(quantizerPlugin, quantizer.options, latentShape);
  const totalCodes = tokens.codes.reduce((sum, codes) => sum + codes, 0);
  const samplesPerCode = (samples * tokens.tokens) / totalCodes;
  const warnings =
    samplesPerCode < wantedSamplesPerCode
      ? [
          `Only ${samplesPerCode.toFixed(1)} training samples per code (a code wants ${wantedSamplesPerCode} or more): expect blur on new images. ` +
            "Use more images, fewer codes (--codes), or codebooks shared by more tokens.",
        ]
      : [];
  return {
    ...given,
    warnings,
    summary: {
      latentShape: latentShapeToArray(latentShape),
      trainingSamples: samples,
      tokens: tokens.tokens,
      groups: tokens.codes.length,
      codes: tokens.codes,
      bitsPerImage: bitsPerImage(tokens),
      samplesPerCode,
      parameters: {
        codebooks: parameters,
        rectifier: countRectifier(rectifierPlugin, rectifier.options, latentShape),
      },
    },
  };
}

/** Makes what was planned. `random` gives the rectifier its first weights. */
export function makePlanned(plan: TrainingPlan, plugins: PluginRegistry, random: Random): MadePlan {
  const { latentShape, quantizer, rectifier } = plan;
  const quantizerInstance = plugins.get("quantizer", quantizer.id).create(quantizer.options, { latentShape });
  const rectifierInstance = plugins
    .get("rectifier", rectifier.id)
    .create(rectifier.options, { latentShape, random: random.fork("rectifier") });
  return {
    ...plan,
    quantizer: { ...quantizer, instance: quantizerInstance },
    rectifier: { ...rectifier, instance: rectifierInstance },
  };
}

function describeQuantizer(
  plugin: QuantizerPlugin,
  options: Planned["options"],
  latentShape: LatentShape,
): QuantizerDescription {
  if (plugin.describe) return plugin.describe(options, { latentShape });
  const made = plugin.create(options, { latentShape });
  const parameters = Object.values(made.state()).reduce((sum, tensor) => sum + tensor.size, 0);
  made.dispose();
  return { tokens: made.tokens, parameters };
}

function countRectifier(plugin: RectifierPlugin, options: Planned["options"], latentShape: LatentShape): number {
  if (plugin.describe) return plugin.describe(options, { latentShape }).parameters;
  const made = plugin.create(options, { latentShape, random: createRandom(0) });
  const parameters = made.variables.reduce((sum, variable) => sum + variable.size, 0);
  made.dispose();
  return parameters;
}
