/** Which kind of job a folder holds parts of. */
import { RevqError } from "@revq/core";
import { isLatentStore } from "@revq/data";
import { isDataset } from "@revq/dataset";
import { holdsEvaluationParts, isAblation } from "@revq/train";

export type JoinableKind = "store" | "dataset" | "evaluation" | "ablation";

/** Throws `merge-nothing`. */
export async function kindOf(folder: string): Promise<JoinableKind> {
  if (await isLatentStore(folder)) return "store";
  if (await isDataset(folder)) return "dataset";
  if (await holdsEvaluationParts(folder)) return "evaluation";
  if (await isAblation(folder)) return "ablation";
  throw new RevqError(
    "merge-nothing",
    `${folder} has nothing to join: no latent store (plan.json), no data set of tokens, no part of an evaluation, no ablation.`,
    { fix: "Name folders that `revq extract`, `revq tokenize`, `revq eval --shard` or `revq ablate --shard` wrote." },
  );
}
