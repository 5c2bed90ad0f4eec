/** Decides how many steps each phase of the picture stage takes, and says what they cost. */
import type { Backbone } from "@revq/core";
import type { RunConfig } from "../config/schema.js";
import type { AdapterPlan } from "../decoder/adapter-shapes.js";
import { adaptationCost, adaptationText } from "../decoder/choose.js";
import type { PictureProgress } from "../run/checkpoints.js";
import type { PhaseName } from "../run/records.js";
import type { PicturePhase } from "./phase.js";
import { minSteps, stepsThatFit, tooSlowText } from "./steps.js";

export interface PlanStepsInput {
  /** Steps of each phase, or the seconds that all of them may take. */
  readonly length: { readonly steps: number } | { readonly seconds: number };
  /** Null keeps the decoder frozen. */
  readonly adapter: AdapterPlan | null;
  readonly backbone: Backbone;
  readonly settings: Pick<RunConfig["train"], "adaptDecoder">;
  readonly note: (line: string) => void;
}

/** Steps of each phase: those that were named, or those that fit into the seconds. */
export async function planSteps(
  input: PlanStepsInput,
  phases: readonly PhaseName[],
  openPhase: (name: PhaseName) => PicturePhase,
): Promise<PictureProgress["steps"]> {
  const { length, adapter, settings } = input;
  const times: Partial<Record<PhaseName, number>> = {};
  for (const name of phases) {
    if ("steps" in length && name !== "decoder") continue;
    const phase = openPhase(name);
    times[name] = await phase.time().finally(() => phase.dispose());
  }
  // An adaptation that was named takes its time, which is said before it starts.
  const isNamed = adapter !== null && settings.adaptDecoder !== "auto";
  const steps =
    "steps" in length
      ? Object.fromEntries(phases.map((name) => [name, length.steps]))
      : stepsThatFit(length.seconds, times, isNamed ? minSteps : 0);
  for (const name of phases) if (times[name] !== undefined) noteSteps(input, name, steps[name] ?? 0, times[name]);
  return steps;
}

function noteSteps(
  { length, adapter, backbone, note }: PlanStepsInput,
  name: PhaseName,
  count: number,
  secondsPerStep: number,
): void {
  if ("seconds" in length && count === 0) note(tooSlowText(name, length.seconds, secondsPerStep));
  else if (name === "decoder") {
    const cost = adaptationCost(adapter!, backbone.gradients!, backbone);
    note(adaptationText(adapter!, cost, { steps: count, secondsPerStep, peakBytes: peakMemory() }));
  } else note(`${count} picture steps of ${secondsPerStep.toFixed(2)} s each.`);
}

/** Most memory of the process so far, in bytes. */
function peakMemory(): number {
  return 1024 * process.resourceUsage().maxRSS;
}
