/** Decides how many steps each phase of the picture stage takes, and says what they cost. */
import type { Backbone } from "@revq/core";
import type { RunConfig } from "../config/schema.js";
import type { AdapterPlan } from "../decoder/adapter-shapes.js";
import { adaptationCost, adaptationText } from "../decoder/choose.js";
import type { PictureProgress } from "../run/checkpoints.js";
import type { PhaseName } from "../run/records.js";
import type { PicturePhase } from "./phase.js";
import { minSteps, stepsThatFit, tooSlowText } from "./steps.js";

/** Steps of each phase; `auto`: as many as fit. */
export type PlannedSteps = Readonly<Record<PhaseName, "auto" | number>>;

export interface PlanStepsInput {
  /** Of each phase. */
  readonly steps: PlannedSteps;
  /** Seconds that the phases of open length may take together. */
  readonly budget: number;
  /** Null keeps the decoder frozen. */
  readonly adapter: AdapterPlan | null;
  readonly backbone: Backbone;
  readonly settings: Pick<RunConfig["train"], "adaptDecoder">;
  readonly note: (line: string) => void;
}

/**
 * Steps of each phase: those that were named, or those that fit into the budget. Where both phases
 * are open, the decoder's has all of the budget, because the rectifier learns in it too. Only where
 * the decoder's does not fit, the rectifier's has it.
 */
export async function planSteps(
  input: PlanStepsInput,
  phases: readonly PhaseName[],
  openPhase: (name: PhaseName) => PicturePhase,
): Promise<PictureProgress["steps"]> {
  const { steps: planned, budget, adapter, settings } = input;
  const secondsPerStep = async (name: PhaseName): Promise<number> => {
    const phase = openPhase(name);
    return phase.time().finally(() => phase.dispose());
  };
  // An adaptation that was named takes its time, which is said before it starts.
  const least = { pictures: 0, decoder: adapter && settings.adaptDecoder !== "auto" ? minSteps : 0 };
  const steps: Partial<Record<PhaseName, number>> = {};
  for (const name of phases.toReversed()) {
    const named = planned[name];
    if (named === "auto" && planned.decoder === "auto" && (steps.decoder ?? 0) > 0) {
      steps[name] = 0;
    } else if (named === "auto" || name === "decoder") {
      const seconds = await secondsPerStep(name); // what a decoder's steps take is said in any case
      steps[name] = named === "auto" ? stepsThatFit(budget, seconds, least[name]) : named;
      noteSteps(input, name, steps[name], seconds);
    } else steps[name] = named;
  }
  return Object.fromEntries(phases.map((name) => [name, steps[name]]));
}

function noteSteps(
  { steps, budget, adapter, backbone, note }: PlanStepsInput,
  name: PhaseName,
  count: number,
  secondsPerStep: number,
): void {
  if (steps[name] === "auto" && count === 0) note(tooSlowText(name, budget, secondsPerStep));
  else if (name === "decoder") {
    const cost = adaptationCost(adapter!, backbone.gradients!, backbone);
    note(adaptationText(adapter!, cost, { steps: count, secondsPerStep, peakBytes: peakMemory() }));
  } else note(`${count} picture steps of ${secondsPerStep.toFixed(2)} s each.`);
}

/** Most memory of the process so far, in bytes. */
function peakMemory(): number {
  return 1024 * process.resourceUsage().maxRSS;
}
