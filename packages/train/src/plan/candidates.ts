/**
 * Makes the plans that the settings allow: one, or candidates where transform, split or groups are
 * open. Planning creates nothing and allocates nothing, whatever the size of the model.
 */
import { isRevqError, parseOptions, RevqError, type LatentSource, type TokenLayout } from "@revq/core";
import { autoTransform } from "../config/recipes.js";
import { ownOptions } from "../config/resolve.js";
import { completePlan, type PlanInput, type PluginSelection, type TrainingPlan } from "./plan.js";

/** The transform that `auto` falls back to. */
const noTransform = "none";

/** The best guess of `planCandidates`. */
export async function planTraining(input: PlanInput): Promise<TrainingPlan> {
  return (await planCandidates(input))[0]!;
}

/**
 * The plans before anything is encoded, the best guess first. All have as many tokens and bits.
 * More than one is to be measured. Throws `bits-not-supported`, `no-transform-fits` and what the
 * plugins throw.
 */
export async function planCandidates(input: PlanInput): Promise<readonly TrainingPlan[]> {
  const { config, latentShape, samples, plugins } = input;
  const quantizerPlugin = plugins.get("quantizer", config.quantizer.id);
  const rectifierPlugin = plugins.get("rectifier", config.rectifier.id);
  const given = {
    id: quantizerPlugin.id,
    options: parseOptions(quantizerPlugin, ownOptions(config, "quantizer")),
  };
  if (config.bits !== null && !quantizerPlugin.resolve) {
    throw new RevqError(
      "bits-not-supported",
      `The quantizer ${quantizerPlugin.id} cannot choose its options for a budget of bits.`,
      { fix: "Leave out the budget and set the quantizer's own options.", setting: { path: "bits" } },
    );
  }
  const rectifier = {
    id: rectifierPlugin.id,
    options: parseOptions(rectifierPlugin, ownOptions(config, "rectifier")),
  };
  const plans: TrainingPlan[] = [];
  for (const transform of openTransforms(input)) {
    const [first] = plans;
    const keep = first && plugins.get("quantizer", given.id).layout(first.quantizer.options, latentShape).layout;
    try {
      const found = await resolveQuantizer(input, { quantizer: given, transform, latents: null, keep });
      for (const { quantizer, reasons } of found) {
        const plan = completePlan({ latentShape, samples, transform, quantizer, rectifier, reasons }, plugins);
        if (!first || isAsLarge(plan, first)) plans.push(plan);
      }
    } catch (error) {
      const misfit = isRevqError(error) && ["no-transform-fits", "no-tokens-fit"].includes(error.code);
      if (!misfit || transform.id === noTransform || config.transform.id !== autoTransform) throw error;
    }
  }
  return plans;
}

/** A quantizer need not heed `keep`. */
function isAsLarge({ summary: a }: TrainingPlan, { summary: b }: TrainingPlan): boolean {
  return a.tokens === b.tokens && Math.abs(a.bitsPerImage - b.bitsPerImage) < 1e-6;
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
  const { quantizer, transform } = plan;
  const [found] = await resolveQuantizer(input, { quantizer, transform, latents: coefficients });
  const added = found!.reasons.filter((reason) => !plan.reasons.includes(reason));
  return completePlan({ ...plan, quantizer: found!.quantizer, reasons: added }, input.plugins);
}

/** The transform that the settings name. `auto`: all candidates, and no transform. */
function openTransforms({ config, plugins }: PlanInput): PluginSelection[] {
  const { id } = config.transform;
  const isCandidate = (each: string): boolean => plugins.get("transform", each).candidate === true;
  const ids =
    id === autoTransform
      ? [...plugins.ids("transform").filter((each) => each !== noTransform && isCandidate(each)), noTransform]
      : [id];
  return ids.map((each) => {
    const plugin = plugins.get("transform", each);
    return { id: plugin.id, options: parseOptions(plugin, ownOptions(config, "transform")) };
  });
}

interface QuantizerToResolve {
  readonly quantizer: PluginSelection;
  readonly transform: PluginSelection;
  /** Coefficients of the training latents; null before anything is encoded. */
  readonly latents: LatentSource | null;
  /** Tokens and codes that are chosen already. */
  readonly keep?: TokenLayout | undefined;
}

/** The quantizer's candidates, one or more. */
async function resolveQuantizer(
  { config, latentShape, samples, plugins, context }: PlanInput,
  { quantizer, transform, latents, keep }: QuantizerToResolve,
): Promise<readonly { readonly quantizer: PluginSelection; readonly reasons: readonly string[] }[]> {
  const { id, options } = quantizer;
  const plugin = plugins.get("quantizer", id);
  if (!plugin.resolve) return [{ quantizer, reasons: [] }];
  const transformPlugin = plugins.get("transform", transform.id);
  const { random, report, signal } = context;
  const candidates = await plugin.resolve(options, {
    latentShape,
    samples,
    bits: config.bits,
    transform: (tokens) => transformPlugin.layout(transform.options, { latentShape, tokens }),
    ...(keep ? { keep } : {}),
    latents,
    random: random.fork("settle"), // a label of the seed, not a name
    report,
    signal,
  });
  if (candidates.length === 0) throw new Error("The quantizer's `resolve` returned no candidate.");
  return candidates.map((candidate) => ({
    quantizer: { id, options: parseOptions(plugin, candidate.options) },
    reasons: candidate.reasons,
  }));
}
