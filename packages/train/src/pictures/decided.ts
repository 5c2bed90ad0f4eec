/**
 * Settings that a run decides while it goes, because `auto` looks at the clock. With what was decided
 * in their place, the run can be repeated bit by bit.
 */
import type { ResolvedConfig } from "../config/resolve.js";
import type { RunConfig } from "../config/schema.js";
import type { Checkpoint, PictureProgress } from "../run/checkpoints.js";
import { selectionFor } from "./select.js";

type Decided = Partial<Pick<RunConfig["train"], "pictureSteps" | "decoderSteps" | "select">>;
type Progress = Pick<PictureProgress, "steps" | "records">;

function decidedSettings({ select }: Pick<RunConfig["train"], "select">, { steps, records }: Progress): Decided {
  const isWithoutSteps = Object.values(steps).every((count) => count === 0);
  const lpips = records.some(({ scores }) => scores.lpips !== null);
  return {
    ...(steps.pictures === undefined ? {} : { pictureSteps: steps.pictures }),
    ...(steps.decoder === undefined ? {} : { decoderSteps: steps.decoder }),
    // Where no steps are asked for, only a named score chooses between the rectifier and none.
    ...(isWithoutSteps && select === "auto" ? { select: selectionFor("auto", { pictures: true, lpips }) } : {}),
  };
}

/** The configuration with the numbers that the picture stage decided. */
export function withDecided(resolved: ResolvedConfig, progress: Progress): ResolvedConfig {
  const { train } = resolved.config;
  const decided = decidedSettings(train, progress);
  const origins = new Map(resolved.origins);
  for (const [key, value] of Object.entries(decided)) {
    if (train[key as keyof Decided] !== value) origins.set(`train.${key}`, "auto, as the run decided");
  }
  return { ...resolved, config: { ...resolved.config, train: { ...train, ...decided } }, origins };
}

/**
 * For a run that is resumed with the numbers that it decided (they are in its run/config.yaml): the
 * settings that it began with. Other numbers stay.
 */
export function withoutDecided(
  resolved: ResolvedConfig,
  { run, pictures }: Omit<Checkpoint, "arrays">,
): ResolvedConfig {
  const began = run["train"] as RunConfig["train"] | undefined;
  if (!began || !pictures) return resolved;
  const train: Record<string, unknown> = { ...resolved.config.train };
  for (const [key, value] of Object.entries(decidedSettings(began, pictures))) {
    if (began[key as keyof Decided] === "auto" && train[key] === value) train[key] = "auto";
  }
  return { ...resolved, config: { ...resolved.config, train: train as RunConfig["train"] } };
}
