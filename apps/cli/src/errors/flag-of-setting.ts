/** The flag of a setting that an error of a library names: `data.imageSize` and 256 are `--image-size 256`. */
import type { Setting } from "@revq/core";
import { flagOfPath } from "../settings/flag-paths.js";

/** The flags of a command by name, as oclif declares them. */
export type CommandFlags = Readonly<Record<string, { readonly type?: string; readonly helpValue?: unknown }>>;

/** Settings whose values have a flag each. */
const flagsOfValues: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "ids.form": { groups: "offset-groups", positions: "offset-positions" },
};

/** @returns the text to type; null if the command has no flag for the setting, or if there is no such setting */
export function flagOfSetting({ path, value, unknown }: Setting, flags: CommandFlags): string | null {
  if (unknown) return null;
  const ofValue = flagsOfValues[path];
  if (ofValue) {
    const name = ofValue[String(value)];
    return name !== undefined && name in flags ? `--${name}` : null;
  }
  const name = flagOfPath(path);
  const flag = name === null ? undefined : flags[name];
  if (flag?.type === "boolean") return value === false ? `--no-${name}` : `--${name}`;
  if (flag) return `--${name} ${value ?? placeholder(flag.helpValue)}`;
  return takesPath(flags["set"], path) ? `--set ${path}=${value ?? "…"}` : null;
}

/** Of most commands `--set` takes any path, of those for backbones only theirs. */
function takesPath(set: CommandFlags[string] | undefined, path: string): boolean {
  return (
    set !== undefined &&
    path.includes(".") &&
    (set.helpValue !== "<backbone.a=b>" || /^backbone\.(?!weights$)/.test(path))
  );
}

/** True if the user gave the setting by a flag: its own, or `--set`. */
export function wasGivenByFlag({ path }: Setting, given: Readonly<Record<string, unknown>>): boolean {
  const name = flagOfPath(path);
  if (name !== null && given[name] !== undefined && given[name] !== false) return true;
  return [given["set"]].flat().some((assignment) => {
    const [assigned] = String(assignment ?? "").split("=", 1);
    return assigned === path || path.startsWith(`${assigned}.`) || assigned!.startsWith(`${path}.`);
  });
}

function placeholder(helpValue: unknown): string {
  return typeof helpValue === "string" ? helpValue : "…";
}
