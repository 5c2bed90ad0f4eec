/** The steps of one phase of the picture stage: measuring between them, checkpoints, stopping. */
import { RevqError, type FitContext, type NamedArrays } from "@revq/core";
import type { PhaseName } from "../run/records.js";
import type { PicturePhase } from "./phase.js";

/** Which steps of the stage a phase takes. */
export interface PhaseSteps {
  readonly name: PhaseName;
  readonly count: number;
  /** Steps of the phases before it. */
  readonly before: number;
  /** Steps of all phases. */
  readonly total: number;
}

export interface StepContext extends Pick<FitContext, "report" | "signal"> {
  /** Steps between checkpoints. */
  readonly checkpointSteps: number;
  /** Scores the weights as they are. @param pictureStep of the stage */
  readonly measure: (pictureStep: number) => Promise<void>;
  /** @param step finished steps of the phase */
  readonly save: (step: number, arrays: NamedArrays) => Promise<void>;
}

/** How often each phase is measured. */
const measurements = 2;

const phaseTitles: Readonly<Record<PhaseName, string>> = {
  pictures: "train rectifier on pictures",
  decoder: "adapt decoder",
};

/**
 * Saves and throws when the signal stops it. Throws `training-diverged` when the loss is not finite.
 *
 * @param phase has begun
 * @param first finished steps of the phase
 */
export async function takeSteps(
  phase: PicturePhase,
  first: number,
  { name, count, before, total }: PhaseSteps,
  { report, signal, checkpointSteps, measure, save }: StepContext,
): Promise<void> {
  for (let step = first; step < count; step++) {
    if (signal.aborted) {
      await save(step, await phase.state());
      signal.throwIfAborted();
    }
    const loss = await phase.step(step);
    const done = step + 1;
    requireFiniteLoss(loss, before + done, name);
    report({ phase: phaseTitles[name], done: before + done, total, detail: `loss ${loss.toFixed(4)}` });
    const isMeasured = (done * measurements) % count < measurements;
    if (isMeasured) await phase.during(() => measure(before + done));
    if (isMeasured || done % checkpointSteps === 0) await save(done, await phase.state());
  }
}

function requireFiniteLoss(loss: number, step: number, phase: PhaseName): void {
  if (Number.isFinite(loss)) return;
  throw new RevqError("training-diverged", `The loss of pictures became ${loss} in picture step ${step}.`, {
    fix: "Start again in another folder with a lower learning rate.",
    setting: { path: phase === "decoder" ? "train.picture.decoderRate" : "train.picture.learningRate" },
  });
}
