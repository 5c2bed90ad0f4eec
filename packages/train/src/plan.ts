/**
 * The plan of a run: which plugins with which options, once the shape and the number of latents are
 * known. Planning creates nothing and allocates nothing, whatever the size of the model.
 * `createTransform` and `createCodec` create the planned plugins.
 */
import {
  bitsPerImage,
  latentShapeToArray,
  parseOptions,
  RevqError,
  type FitContext,
  type LatentShape,
  type LatentSource,
  type PluginRegistry,
  type Quantizer,
  type QuantizerCandidate,
  type Random,
  type Rectifier,
  type Transform,
  type TransformLayout,
} from "@revq/core";
import { autoTransform } from "./config/recipes.js";
import { ownOptions } from "./config/resolve.js";
import type { RunConfig } from "./config/schema.js";

/** A plugin with all its options, as config.json keeps them. */
export interface PluginSelection {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TrainingPlan {
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly transform: PluginSelection & { readonly layout: TransformLayout };
  readonly quantizer: PluginSelection;
  readonly rectifier: PluginSelection;
  /** Why the quantizer chose what the user left open. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly summary: PlanSummary;
}

export interface PlanSummary {
  /** `[c, h, w]` */
  readonly latentShape: readonly [number, number, number];
  readonly trainingSamples: number;
  readonly transform: string;
  readonly tokens: number;
  readonly groups: number;
  /** Codebook size of each group. */
  readonly codes: readonly number[];
  readonly bitsPerImage: number;
  readonly samplesPerCode: number;
  readonly parameters: { readonly transform: number; readonly codebooks: number; readonly rectifier: number };
}

export interface PlanInput {
  readonly config: RunConfig;
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly plugins: PluginRegistry;
  readonly context: Pick<FitContext, "random" | "report" | "signal">;
}

/**
 * With fewer samples per code, a centroid is mostly noise (`docs/method.md`: it needs 30 to 50).
 */
const wantedSamplesPerCode = 30;

/**
 * The plan before anything is encoded. Throws `bits-not-supported`, `no-transform-fits` and what
 * the plugins throw.
 */
export async function planTraining(input: PlanInput): Promise<TrainingPlan> {
  const { config, latentShape, samples, plugins } = input;
  const quantizerPlugin = plugins.get("quantizer", config.quantizer.id);
  const rectifierPlugin = plugins.get("rectifier", config.rectifier.id);
  const given = parseOptions(quantizerPlugin, ownOptions(config, "quantizer"));
  if (config.bits !== null && !quantizerPlugin.resolve) {
    throw new RevqError(
      "bits-not-supported",
      `The quantizer ${quantizerPlugin.id} cannot choose its options for a budget of bits.`,
      { fix: "Leave out the budget and set the quantizer's own options.", setting: { path: "bits" } },
    );
  }
  const transform = selectTransform(config, latentShape, plugins);
  const { options, reasons } = await resolveQuantizer(
    input,
    { id: quantizerPlugin.id, options: given },
    transform,
    null,
  );
  const rectifier = {
    id: rectifierPlugin.id,
    options: parseOptions(rectifierPlugin, ownOptions(config, "rectifier")),
  };
  return completePlan(
    { latentShape, samples, transform, quantizer: { id: quantizerPlugin.id, options }, rectifier, reasons },
    plugins,
  );
}

/**
 * The plan with what the quantizer chooses from the coefficients themselves. Its reasons are the
 * new ones.
 * @param coefficients of the training latents
 */
export async function planWithLatents(
  plan: TrainingPlan,
  coefficients: LatentSource,
  input: PlanInput,
): Promise<TrainingPlan> {
  const { options, reasons } = await resolveQuantizer(input, plan.quantizer, plan.transform, coefficients);
  const added = reasons.filter((reason) => !plan.reasons.includes(reason));
  return completePlan({ ...plan, quantizer: { ...plan.quantizer, options }, reasons: added }, input.plugins);
}

/** The transform that the settings name. `auto`: the first that suits the latent, else `none`. */
function selectTransform(config: RunConfig, latentShape: LatentShape, plugins: PluginRegistry): PluginSelection {
  const { id } = config.transform;
  const suitable = plugins.ids("transform").find((each) => plugins.get("transform", each).suits?.(latentShape));
  const plugin = plugins.get("transform", id === autoTransform ? (suitable ?? "none") : id);
  return { id: plugin.id, options: parseOptions(plugin, ownOptions(config, "transform")) };
}

async function resolveQuantizer(
  { config, latentShape, samples, plugins, context }: PlanInput,
  { id, options }: PluginSelection,
  transform: PluginSelection,
  latents: LatentSource | null,
): Promise<QuantizerCandidate<PluginSelection["options"]>> {
  const plugin = plugins.get("quantizer", id);
  if (!plugin.resolve) return { options, reasons: [] };
  const transformPlugin = plugins.get("transform", transform.id);
  const { random, report, signal } = context;
  const candidates = await plugin.resolve(options, {
    latentShape,
    samples,
    bits: config.bits,
    transform: (tokens) => transformPlugin.layout(transform.options, { latentShape, tokens }),
    latents,
    random: random.fork("settle"), // a label of the seed, not a name
    report,
    signal,
  });
  const chosen = chooseCandidate(candidates);
  return { options: parseOptions(plugin, chosen.options), reasons: chosen.reasons };
}

/** The quantizer's best guess. */
export function chooseCandidate<Options>(
  candidates: readonly QuantizerCandidate<Options>[],
): QuantizerCandidate<Options> {
  const [first] = candidates;
  if (!first) throw new Error("The quantizer's `resolve` returned no candidate.");
  return first;
}

/** Adds everything that follows from the options. */
function completePlan(
  selected: Omit<TrainingPlan, "warnings" | "summary" | "transform"> & { readonly transform: PluginSelection },
  plugins: PluginRegistry,
): TrainingPlan {
  const { latentShape, samples, transform, quantizer, rectifier } = selected;
  const { layout, parameterCount } = plugins.get("quantizer", quantizer.id).layout(quantizer.options, latentShape);
  const transformPlugin = plugins.get("transform", transform.id);
  const transformContext = { latentShape, tokens: layout.count };
  const transformLayout = transformPlugin.layout(transform.options, transformContext);
  if (!transformLayout) throw noTransformFits(transform.id, latentShape, layout.count);
  const codes = layout.codebookSizes.reduce((sum, size) => sum + size, 0);
  const samplesPerCode = (samples * layout.count) / codes;
  const warnings =
    samplesPerCode < wantedSamplesPerCode
      ? [
          `Only ${samplesPerCode.toFixed(1)} training samples per code (a code needs ${wantedSamplesPerCode} or more). ` +
            "New images will be blurred. Use more images, fewer codes, or codebooks that more tokens share.",
        ]
      : [];
  return {
    ...selected,
    transform: { ...transform, layout: transformLayout },
    warnings,
    summary: {
      latentShape: latentShapeToArray(latentShape),
      trainingSamples: samples,
      transform: transform.id,
      tokens: layout.count,
      groups: layout.codebookSizes.length,
      codes: layout.codebookSizes,
      bitsPerImage: bitsPerImage(layout),
      samplesPerCode,
      parameters: {
        transform: transformPlugin.parameterCount(transform.options, transformContext),
        codebooks: parameterCount,
        rectifier: plugins.get("rectifier", rectifier.id).parameterCount(rectifier.options, latentShape),
      },
    },
  };
}

function noTransformFits(id: string, latentShape: LatentShape, tokens: number): RevqError {
  return new RevqError(
    "no-transform-fits",
    `The transform ${id} has no blocks for the latent [${latentShapeToArray(latentShape)}] that divide ${tokens} tokens.`,
    { fix: "Use another number of tokens, or no transform.", setting: { path: "transform.id", value: "none" } },
  );
}

/** The caller disposes it. */
export async function createTransform(
  { latentShape, transform, summary }: TrainingPlan,
  plugins: PluginRegistry,
): Promise<Transform> {
  const context = { latentShape, tokens: summary.tokens };
  return plugins.get("transform", transform.id).create(transform.options, context);
}

/** The caller disposes both. @param random gives the rectifier its first weights */
export async function createCodec(
  { latentShape, transform, quantizer, rectifier }: TrainingPlan,
  plugins: PluginRegistry,
  random: Random,
): Promise<{ quantizer: Quantizer; rectifier: Rectifier }> {
  return {
    quantizer: await plugins
      .get("quantizer", quantizer.id)
      .create(quantizer.options, { latentShape, transform: transform.layout }),
    rectifier: await plugins
      .get("rectifier", rectifier.id)
      .create(rectifier.options, { latentShape, random: random.fork("rectifier") }),
  };
}
