/** Errors of oclif's parser in the words of this command line. */
import { nearestNames } from "@revq/core";
import type { ErrorReport } from "./describe-error.js";
import { didYouMean } from "./unknown-command.js";

/** @param command "backbone inspect" @param flags of the command, by name */
export function describeParseError(
  error: Error & { readonly flags?: unknown },
  command: string,
  flags: readonly string[],
): ErrorReport {
  const fix = `revq ${command} --help shows how to call it.`;
  return { code: "usage", message: messageOf(error, flags), fix };
}

function messageOf(error: Error & { readonly flags?: unknown }, known: readonly string[]): string {
  if (Array.isArray(error.flags)) return (error.flags as string[]).map((flag) => unknownFlag(flag, known)).join(" ");
  const text = withoutColours(error.message)
    .replace(/\nSee more help with --help$/, "")
    .replace(/\n\nNote: .*$/s, "")
    .replace(/^The following errors? occurred:\s*/, "")
    .trim();
  const [, flag, reason] = /^Parsing (--\S+) \n\t(.*)$/s.exec(text) ?? [];
  if (flag !== undefined)
    return `${flag}: ${reason!.replace(/^Expected/, "expected").replace(" but received: ", ", got ")}.`;
  const [, option, got, allowed] = /^Expected (--[^=]+)=(.*) to be one of: (.*)$/s.exec(text) ?? [];
  if (option !== undefined) {
    const near = nearestNames(got!, allowed!.split(", "));
    return `${option} ${got}: expected one of ${allowed}.${didYouMean(near)}`;
  }
  const [, first, second] = /^(--\S+?)=.* cannot also be provided when using (--\S+)$/s.exec(text) ?? [];
  if (first !== undefined) return `${first} and ${second!} exclude each other.`;
  const [, given, choices] = /^Expected (.*) to be one of: (.*)$/s.exec(text) ?? [];
  if (given !== undefined) return `Got "${given}" in the place of ${choices!.replaceAll(", ", " or ")}.`;
  const [, extra] = /^Unexpected arguments?: (.*)$/s.exec(text) ?? [];
  if (extra !== undefined) {
    const hint = known.includes("data") ? ` Did you mean --data ${extra.split(",")[0]!}?` : "";
    return `There is no place for the argument ${extra}.${hint}`;
  }
  const [, list] = /^Missing \d+ required args?:\n(.*)$/s.exec(text) ?? [];
  if (list !== undefined) {
    // A description that oclif breaks into lines goes on behind more spaces.
    const missing = list
      .replace(/\n\s{2,}/g, " ")
      .split("\n")
      .map((line) => line.trim().replace(/\s{2,}/, ": "));
    return `${missing.length > 1 ? "Arguments are" : "An argument is"} missing: ${missing.join("; ")}.`;
  }
  const flags = [...text.matchAll(/^\s*Missing required flag (\S+)$/gm)].map(([, name]) => `--${name}`);
  if (flags.length > 0) return `${flags.join(" and ")} ${flags.length > 1 ? "are" : "is"} missing.`;
  return sentence(text);
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

/** @param typed as it was typed: `--datas=photos`, `-d` */
function unknownFlag(typed: string, known: readonly string[]): string {
  const [name] = typed.split("=", 1) as [string];
  const bare = name.replace(/^-+/, "");
  const near = bare.length > 1 ? nearestNames(bare.replace(/^no-/, ""), known) : [];
  return `There is no flag ${name}.${didYouMean(near.map((flag) => `--${flag}`))}`;
}

function withoutColours(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
