/** Creates the plugins of a plan. */
import type { PluginRegistry, Quantizer, Random, Rectifier, Transform } from "@revq/core";
import type { TrainingPlan } from "./plan.js";

/** The caller disposes it. */
export async function createTransform(
  { latentShape, transform, summary }: TrainingPlan,
  plugins: PluginRegistry,
): Promise<Transform> {
  const context = { latentShape, tokens: summary.tokens };
  return plugins.get("transform", transform.id).create(transform.options, context);
}

/** The caller disposes it. Throws what the plugin throws for open options. */
export async function createQuantizer(
  { latentShape, transform, quantizer }: TrainingPlan,
  plugins: PluginRegistry,
): Promise<Quantizer> {
  const context = { latentShape, transform: transform.layout };
  return plugins.get("quantizer", quantizer.id).create(quantizer.options, context);
}

/** The caller disposes both. @param random gives the rectifier its first weights */
export async function createCodec(
  plan: TrainingPlan,
  plugins: PluginRegistry,
  random: Random,
): Promise<{ quantizer: Quantizer; rectifier: Rectifier }> {
  const { latentShape, rectifier } = plan;
  return {
    quantizer: await createQuantizer(plan, plugins),
    rectifier: await plugins
      .get("rectifier", rectifier.id)
      .create(rectifier.options, { latentShape, random: random.fork("rectifier") }),
  };
}
