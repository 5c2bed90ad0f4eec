/** `--resume`: a run goes on with its own settings, which are in its run/config.yaml. What the call names comes on top. */
import { pluginKinds } from "@revq/core";
import {
  changesFrom,
  changeText,
  effectOf,
  joinLayers,
  refuseChanges,
  type ConfigLayer,
  type NamedLayer,
  type SettingChange,
} from "@revq/train/config";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors/usage-error.js";
import { readConfigFile } from "./config-file.js";
import { withStartPaths } from "./start-paths.js";

/**
 * The layers on top of those of the run in the folder that they name. Where there is no run yet, the layers alone, if they
 * name data: a folder that is mistyped starts no run on the sample images.
 *
 * @param note of what changes
 * @throws RevqError `resume-other-config` for a setting that a run keeps; `config-syntax`; UsageError `resume-without-out`,
 * `resume-nothing`
 */
export async function onTopOfRun(layers: readonly NamedLayer[], note: (line: string) => void): Promise<NamedLayer[]> {
  const given = layers.reduce<ConfigLayer>((below, { values }) => joinLayers(below, values), {});
  const { out } = given;
  const path = typeof out === "string" ? join(out, "run", "config.yaml") : null;
  if (path === null) {
    throw new UsageError("resume-without-out", "--resume needs the folder of the run: --out is missing.", {
      fix: "Name the folder: --resume --out DIR.",
    });
  }
  if (!existsSync(path)) {
    if (namesData(given)) return [...layers];
    throw new UsageError("resume-nothing", `There is no run to resume in ${String(out)}: ${path} does not exist.`, {
      fix: "Check the folder. To start a run there, name the data too.",
    });
  }
  const { out: _out, ...recorded } = await readConfigFile(path);
  const changes = changesFrom(recorded, given);
  if (await hasCheckpoint(out as string)) refuseChanges(changes.filter((change) => effectOf(change) === "refused"));
  if (changes.length > 0) note(`Settings that change: ${changes.map(changeText).join("; ")}.`);
  const values = await withStartPaths(withoutReplaced(recorded, changes), out as string, note);
  return [{ name: path, values, recorded: true }, ...layers];
}

function namesData({ data }: ConfigLayer): boolean {
  const { train, latents } = (data ?? {}) as { readonly train?: unknown; readonly latents?: unknown };
  return (train ?? latents ?? null) !== null;
}

/** What a preset sets. */
const ofPreset = ["recipe", ...pluginKinds, "train"];

/**
 * A run that failed before its first checkpoint may take any settings. The options of another plugin, and the values of
 * another preset, do not count then.
 */
function withoutReplaced(values: ConfigLayer, changes: readonly SettingChange[]): ConfigLayer {
  const replaced = changes.flatMap(({ path }) =>
    path === "preset" ? ofPreset : (/^(\w+)\.id$/.exec(path)?.[1] ?? []),
  );
  return Object.fromEntries(Object.entries(values).filter(([key]) => !replaced.includes(key)));
}

async function hasCheckpoint(run: string): Promise<boolean> {
  return (await readdir(join(run, "run", "checkpoints")).catch(() => [])).length > 0;
}
