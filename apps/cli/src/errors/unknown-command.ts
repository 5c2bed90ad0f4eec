/** What to say when no command has the name that was typed. */
import { nearestNames } from "@revq/core";
import type { ErrorReport } from "./describe-error.js";

/** The commands as oclif's manifest has them: ids of topics have a colon, `backbone:inspect`. */
export interface KnownCommand {
  readonly id: string;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** @param typed the words before the first flag, or a flag in the place of the command */
export function unknownCommand(typed: readonly string[], commands: readonly KnownCommand[]): ErrorReport {
  const [first = ""] = typed;
  if (first.startsWith("-")) return commandMissing(first);
  const isTopic = commands.some(({ id }) => id.startsWith(`${first}:`) && typed.length <= id.split(":").length);
  const command = isTopic ? undefined : commands.find(({ id }) => isPrefix(id.split(":"), typed));
  if (command) return extraArgument(command, typed);
  const known = commands.map(({ id }) => id.replaceAll(":", " "));
  const near = nearCommands(typed, known);
  return {
    code: "usage",
    message: `There is no command "${typed.join(" ")}".${didYouMean(near.map((name) => `revq ${name}`))}`,
    fix: "revq --help lists the commands.",
  };
}

/** ` Did you mean a or b?`, or nothing. */
export function didYouMean(names: readonly string[]): string {
  return names.length > 0 ? ` Did you mean ${names.join(" or ")}?` : "";
}

function commandMissing(flag: string): ErrorReport {
  const near = nearestNames(flag, ["--help", "--version"]);
  return {
    code: "usage",
    message: `${flag} stands where the command is expected.${didYouMean(near)}`,
    fix: "For example: revq train --data photos. revq --help lists the commands.",
  };
}

function extraArgument({ id, flags }: KnownCommand, typed: readonly string[]): ErrorReport {
  const name = id.replaceAll(":", " ");
  const extra = typed.slice(id.split(":").length);
  return {
    code: "usage",
    message: `revq ${name} takes no argument, and got "${extra.join(" ")}".`,
    fix: `${"data" in flags ? `Did you mean --data ${extra[0]}? ` : ""}revq ${name} --help shows its flags.`,
  };
}

/** By its whole name, by the command of the topic that was typed, and by the last word of a command in a topic. */
function nearCommands(typed: readonly string[], known: readonly string[]): string[] {
  const [first = "", second] = typed.map((word) => word.toLowerCase());
  const words = new Set(known.map((name) => name.split(" ")[0]!));
  const topics = words.has(first) ? [first] : nearestNames(first, [...words]);
  const inTopic = topics.flatMap((topic) => {
    const members = known.filter((name) => name.startsWith(`${topic} `)).map((name) => name.slice(topic.length + 1));
    if (second === undefined || members.length === 0)
      return known.includes(topic) ? [topic] : members.length ? [topic] : [];
    const near = nearestNames(second, members);
    return (near.length > 0 ? near : members).map((member) => `${topic} ${member}`);
  });
  const byLastWord = known.filter((name) => name.includes(" ") && name.endsWith(` ${first}`));
  return [...new Set([...byLastWord, ...inTopic])].slice(0, 3);
}

function isPrefix(words: readonly string[], typed: readonly string[]): boolean {
  return words.length < typed.length && words.every((word, i) => word === typed[i]);
}
