/** Patterns of names as shells and WebDataset write them: `train-{0000..0146}.tar`, `{train,val}.tar`. */
import { RevqError } from "@revq/core";

/** Longer lists are refused: they are mistakes. LAION-5B has 231,349 archives. */
const maxNames = 300_000;

/**
 * `a-{08..11}.tar` -> a-08.tar, a-09.tar, …. The numbers have as many digits as the first one. Braces
 * without `..` and without a comma are part of the name.
 * @throws RevqError `archives-braces`
 */
export function expandBraces(pattern: string): string[] {
  const group = firstGroup(pattern);
  if (!group) return [pattern];
  const rest = expandBraces(group.after);
  if (group.choices.length * rest.length > maxNames)
    throw notARange(pattern, `${group.choices.length} x ${rest.length}`);
  return group.choices.flatMap((choice) => rest.map((end) => `${group.before}${choice}${end}`));
}

interface Group {
  readonly before: string;
  readonly choices: readonly string[];
  readonly after: string;
}

function firstGroup(pattern: string): Group | null {
  for (let open = pattern.indexOf("{"); open >= 0; open = pattern.indexOf("{", open + 1)) {
    const parts = partsAt(pattern, open);
    if (!parts) continue;
    const range = parts.length === 1 ? /^(\d+)\.\.(\d+)$/.exec(parts[0]!) : null;
    if (!range && parts.length === 1) continue;
    const close = open + 1 + parts.join(",").length;
    return {
      before: pattern.slice(0, open),
      choices: range ? numbers(pattern, range[1]!, range[2]!) : parts.flatMap(expandBraces),
      after: pattern.slice(close + 1),
    };
  }
  return null;
}

/** The parts between the brace at `open` and the one that closes it; null when none does. */
function partsAt(pattern: string, open: number): string[] | null {
  const parts = [""];
  let depth = 0;
  for (const char of pattern.slice(open + 1)) {
    if (char === "}" && depth === 0) return parts;
    if (char === "{") depth++;
    if (char === "}") depth--;
    if (char === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return null;
}

function numbers(pattern: string, first: string, last: string): string[] {
  const count = Number(last) - Number(first) + 1;
  if (!(count >= 1 && count <= maxNames)) throw notARange(pattern, `{${first}..${last}}`);
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, "0"));
}

function notARange(pattern: string, what: string): RevqError {
  return new RevqError(
    "archives-braces",
    `${pattern}: ${what} is not a range of at most ${maxNames.toLocaleString("en")} files.`,
    {
      fix: "Write a range such as train-{0000..0146}.tar.",
    },
  );
}
