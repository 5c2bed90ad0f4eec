/** `--resume`: a run goes on with its own settings, which are in its run/config.yaml. What the call names comes on top. */
import {
  changesFrom,
  changeText,
  effectOf,
  joinLayers,
  refuseChanges,
  type ConfigLayer,
  type NamedLayer,
} from "@revq/train/config";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readConfigFile } from "./config-file.js";

/**
 * The layers on top of those of the run in the folder that they name. Where there is no run yet, the layers alone.
 *
 * @param note of what changes
 * @throws RevqError `resume-other-config` for a setting that a run keeps; `config-syntax`
 */
export async function onTopOfRun(layers: readonly NamedLayer[], note: (line: string) => void): Promise<NamedLayer[]> {
  const given = layers.reduce<ConfigLayer>((below, { values }) => joinLayers(below, values), {});
  const { out } = given;
  const path = typeof out === "string" ? join(out, "run", "config.yaml") : null;
  if (path === null || !existsSync(path)) return [...layers];
  const { out: _out, ...values } = await readConfigFile(path);
  const changes = changesFrom(values, given);
  const refused = changes.filter((change) => effectOf(change) === "refused");
  if (refused.length > 0) {
    if (await hasCheckpoint(out as string)) refuseChanges(refused);
    // It failed before it trained anything: the settings of this call are all that counts.
    return [...layers];
  }
  if (changes.length > 0) note(`Settings that change: ${changes.map(changeText).join("; ")}.`);
  return [{ name: path, values, recorded: true }, ...layers];
}

async function hasCheckpoint(run: string): Promise<boolean> {
  return (await readdir(join(run, "run", "checkpoints")).catch(() => [])).length > 0;
}
