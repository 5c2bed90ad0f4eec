/** How many epochs a run has where none are named. */
import type { RunConfig } from "../config/schema.js";
import type { PicturePlan } from "../pictures/index.js";
import { takesSteps } from "../pictures/steps.js";

/** In recipe `kmeans`, of the rectifier on latents. Picture steps teach it more in less time. */
const epochs = { alone: 6, beforePictures: 2 };
/** Of recipe `paper` (arXiv 2507.10547, section 4.1). */
const epochsOfPaper = 100;

/** @param pictures what the picture stage will do; null without one */
export function epochsOf(
  { recipe, train }: Pick<RunConfig, "recipe" | "train">,
  pictures: Pick<PicturePlan, "steps"> | null,
): number {
  if (train.epochs !== "auto") return train.epochs;
  if (recipe === "paper") return epochsOfPaper;
  return takesSteps(pictures) ? epochs.beforePictures : epochs.alone;
}
