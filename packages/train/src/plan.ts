/** Decides what depends on the data: tokens, codes and groups, and makes the two trainable parts. Also what `--dry-run` prints. */
import {
  bitsPerImage,
  latentShapeToArray,
  parseOptions,
  RevqError,
  type LatentShape,
  type PluginRegistry,
  type Quantizer,
  type Random,
  type Rectifier,
} from "@revq/core";
import type { RunConfig } from "./config/schema.js";

/** A plugin with the options it was made with, as config.json keeps them. */
export interface Made<T> {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly instance: T;
}

export interface TrainingPlan {
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly quantizer: Made<Quantizer>;
  readonly rectifier: Made<Rectifier>;
  /** Why the quantizer chose what the user left open. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly summary: PlanSummary;
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

export function planTraining(
  config: RunConfig,
  latentShape: LatentShape,
  samples: number,
  plugins: PluginRegistry,
  random: Random,
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
  const quantizerOptions = parseOptions(quantizerPlugin, planned.options);
  const rectifierOptions = parseOptions(rectifierPlugin, rectifierGiven);
  const quantizer = quantizerPlugin.create(quantizerOptions, { latentShape });
  const rectifier = rectifierPlugin.create(rectifierOptions, { latentShape, random: random.fork("rectifier") });

  const { tokens } = quantizer;
  const totalCodes = tokens.codes.reduce((sum, codes) => sum + codes, 0);
  const samplesPerCode = (samples * tokens.tokens) / totalCodes;
  const warnings =
    samplesPerCode < wantedSamplesPerCode
      ? [
          `Only ${samplesPerCode.toFixed(1)} training samples per code (a code wants ${wantedSamplesPerCode} or more): expect blur on new images. ` +
            "Use more images, fewer codes (--codes), or codebooks shared by more tokens.",
        ]
      : [];
  const dimensions = (latentShape.channels * latentShape.height * latentShape.width) / tokens.tokens;
  return {
    latentShape,
    samples,
    quantizer: { id: quantizerId, options: quantizerOptions, instance: quantizer },
    rectifier: { id: rectifierId, options: rectifierOptions, instance: rectifier },
    reasons: planned.reasons,
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
        codebooks: totalCodes * dimensions,
        rectifier: rectifier.variables.reduce((sum, variable) => sum + variable.size, 0),
      },
    },
  };
}
