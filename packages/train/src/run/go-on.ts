/**
 * How a run goes on from a checkpoint with more epochs, or with another picture stage, than it had.
 * Codebooks and finished epochs stay. The learning rate follows the new schedule from the
 * checkpoint's step on: after the end of a run it rises again. A picture stage that had ended begins
 * again after the epochs.
 */
import type { ResolvedConfig } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import { stepsSoFar } from "../pictures/index.js";
import type { Checkpoint } from "./checkpoints.js";
import { changesBetween, effectOf, refuseChanges } from "./setting-changes.js";

type Train = RunConfig["train"];
type Saved = Pick<Checkpoint, "run">;

/**
 * The number of epochs where the run that is resumed left it open: the number that it planned, unless
 * a larger one is named.
 *
 * @param planned epochs of a run with these settings
 * @throws RevqError `resume-other-config` for fewer epochs
 */
export function settleEpochs(
  resolved: ResolvedConfig,
  saved: Saved,
  planned: (train: Train) => number,
): ResolvedConfig {
  const { config } = resolved;
  const before = saved.run["train"] as Train;
  if (before.epochs !== "auto") return resolved;
  const first = planned(before);
  const { epochs: named } = config.train;
  const wanted = named === "auto" ? first : named;
  if (wanted < first) refuseChanges([{ path: "train.epochs", from: first, to: wanted }]);
  const epochs = wanted === planned({ ...config.train, epochs: "auto" }) ? "auto" : wanted;
  return { ...resolved, config: { ...config, train: { ...config.train, epochs } } };
}

export interface GoingOn {
  readonly checkpoint: Checkpoint;
  /** The picture stage had ended and begins again. */
  readonly repeatsPictures: boolean;
  /** The run had fewer epochs. */
  readonly moreEpochs: boolean;
}

/**
 * @param identity of the run as it goes on
 * @throws RevqError `resume-other-config` in the middle of a picture stage
 */
export function goOnFrom(checkpoint: Checkpoint, identity: Readonly<Record<string, unknown>>): GoingOn {
  const changes = changesBetween(checkpoint.run, identity);
  const moreEpochs = changes.some((change) => effectOf(change) === "epochs");
  if (changes.length === 0 || !checkpoint.pictures) return { checkpoint, repeatsPictures: false, moreEpochs };
  const { steps, phase } = checkpoint.pictures;
  const isInTheMiddle = Object.values(steps)
    .slice(phase)
    .some((count) => count > 0);
  if (isInTheMiddle) refuseChanges(changes);
  return { checkpoint: withoutPictures(checkpoint), repeatsPictures: true, moreEpochs };
}

function withoutPictures({ arrays, ...checkpoint }: Checkpoint): Checkpoint {
  const kept = Object.entries(arrays).filter(([name]) => !name.startsWith("pictures."));
  return { ...checkpoint, pictures: null, arrays: Object.fromEntries(kept) };
}

/** For the user: from where the run goes on. @param epochs of the run as it goes on */
export function goingOnText({ checkpoint, repeatsPictures, moreEpochs }: GoingOn, epochs: number): string {
  const { epochs: done, stepsIntoEpoch, pictures } = checkpoint;
  if (pictures) return `Resuming after picture step ${stepsSoFar(pictures)}.`;
  return [
    `Resuming after epoch ${done.length}${stepsIntoEpoch ? `, step ${stepsIntoEpoch}` : ""}.`,
    ...(moreEpochs
      ? [`The run goes on to epoch ${epochs}. From here the learning rate is that of a run of ${epochs} epochs.`]
      : []),
    ...(repeatsPictures ? ["The picture stage begins again."] : []),
  ].join(" ");
}
