/**
 * What differs between two starts of a run, by dotted paths (`train.epochs`), and whether the run can
 * go on with it.
 */
import { RevqError, type Setting } from "@revq/core";
import { isSection, type ConfigLayer } from "../config/layer.js";

export interface SettingChange {
  readonly path: string;
  /** Undefined: the setting was not there. */
  readonly from: unknown;
  readonly to: unknown;
}

/**
 * What a change means for a run. `none`: it does not decide the result, or the data are compared
 * themselves. `epochs`: more epochs are trained. `pictures`: the picture stage begins again.
 */
export type ChangeEffect = "none" | "epochs" | "pictures" | "refused";

const withoutEffect =
  /^(engine|out|plugins|data\.(train|val|latents|valLatents|store|memory|limit|skipBroken|pixelLimit)|backbone\.(weights|embed|decoder\.weights)|score\..*|train\.(encodeBatch|keepCheckpoints|checkpointSteps))$/;
/** `select` is not one of them: it has chosen the transform too. */
const ofPictures = /^train\.(pictureSteps|decoderSteps|adaptDecoder|picture\..*)$/;
/** `auto` is written down as the run decided. */
const decided = /^train\.(pictureSteps|decoderSteps|select)$/;

export function effectOf({ path, from, to }: SettingChange): ChangeEffect {
  if (withoutEffect.test(path)) return "none";
  if (ofPictures.test(path)) return "pictures";
  const isMore = path === "train.epochs" && typeof to === "number" && (typeof from !== "number" || to > from);
  return isMore ? "epochs" : "refused";
}

/** Of all settings that either has. */
export function changesBetween(saved: ConfigLayer, now: ConfigLayer): SettingChange[] {
  const [before, after] = [flat(saved), flat(now)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((path) => ({ path, from: before.get(path), to: after.get(path) }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
}

/**
 * Of the settings that a new start names.
 *
 * @param recorded run/config.yaml: `auto` stands there as the run decided
 */
export function changesFrom(recorded: ConfigLayer, given: ConfigLayer): SettingChange[] {
  const named = flat(given);
  return changesBetween(recorded, given).filter(
    ({ path, to }) => named.has(path) && path !== "out" && !(to === "auto" && decided.test(path)),
  );
}

/** The settings that a run keeps from its start to its end. */
export function lastingSettings(settings: ConfigLayer): ConfigLayer {
  return Object.fromEntries(
    [...flat(settings)].filter(([path]) => path !== "train.epochs" && effectOf({ path, from: 0, to: 0 }) === "refused"),
  );
}

/** `train.epochs: 2 -> 1` */
export function changeText({ path, from, to }: SettingChange): string {
  return path in dataWords ? dataWords[path]! : `${path}: ${valueText(from)} -> ${valueText(to)}`;
}

/** Throws `resume-other-config`, which names every change. */
export function refuseChanges(changes: readonly SettingChange[]): void {
  const [first] = changes;
  if (!first) return;
  const isSetting = changes.length === 1 && first.path.includes(".") && first.from !== undefined;
  throw new RevqError(
    "resume-other-config",
    `The run to be resumed had other settings: ${changes.map(changeText).join("; ")}.`,
    {
      fix: isSetting
        ? "Leave this setting out: a resumed run has its own. Or start a new run in another folder."
        : "Leave these settings out: a resumed run has its own. Or start a new run in another folder.",
      setting: isSetting ? { path: first.path, value: first.from as NonNullable<Setting["value"]> } : { path: "out" },
    },
  );
}

/** Differences of hashes, in words. */
const dataWords: Readonly<Record<string, string>> = {
  statistics: "the images or latents are others",
  backbone: "the weights of the VAE are others",
};

function valueText(value: unknown): string {
  if (value === undefined) return "(not set)";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function flat(settings: ConfigLayer, prefix = ""): Map<string, unknown> {
  return new Map(
    Object.entries(settings).flatMap(([key, value]) =>
      isSection(value) ? [...flat(value, `${prefix}${key}.`)] : [[`${prefix}${key}`, value] as const],
    ),
  );
}
