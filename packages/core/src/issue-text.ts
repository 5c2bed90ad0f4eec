/** What zod found wrong with a value, for a message: what was expected, what was got. */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/**
 * "expected a number, got "abc"". Of a check of its own, the schema's message alone.
 *
 * @param given what was parsed; the issue's path leads to the value in it
 * @example
 * import { z } from "zod";
 * const given = { codes: "abc" };
 * const { error } = z.strictObject({ codes: z.int() }).safeParse(given);
 * issueText(error!.issues[0]!, given); // => 'expected a number, got "abc"'
 */
export function issueText(issue: Issue, given: unknown): string {
  const value = issue.path.reduce<unknown>(
    (section, key) => (section instanceof Object ? (section as Record<PropertyKey, unknown>)[key] : undefined),
    given,
  );
  if (issue.code === "custom") return issue.message;
  const expected = expectedBy(issue);
  return `${expected === null ? issue.message : `expected ${expected}`}, got ${shown(value)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Null where zod's own message says it best. */
function expectedBy(issue: Issue): string | null {
  switch (issue.code) {
    case "invalid_type":
      return words[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    case "invalid_union": {
      if (issue.message !== "Invalid input") return null; // the schema's own words
      const branches = issue.errors.map(([first]) => (first ? expectedBy(first as Issue) : null));
      return branches.includes(null) || branches.length === 0 ? null : branches.join(" or ");
    }
    case "too_small":
      return issue.origin === "number" || issue.origin === "int"
        ? `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`
        : null;
    case "too_big":
      return issue.origin === "number" || issue.origin === "int"
        ? `${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`
        : null;
    default:
      return null;
  }
}

const words: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "a section with keys",
  array: "a list",
};
