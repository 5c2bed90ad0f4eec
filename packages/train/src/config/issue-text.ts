/** What zod found wrong with a setting, as a sentence: what was expected, what was got. */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/** @param value that was given */
export function issueText(issue: Issue, value: unknown): string {
  const expected = expectedBy(issue);
  return expected === null
    ? `${issue.message}, got ${JSON.stringify(value)}`
    : `expected ${expected}, got ${JSON.stringify(value)}`;
}

/** Null where zod's own message says it best. */
function expectedBy(issue: Issue): string | null {
  switch (issue.code) {
    case "invalid_type":
      return words[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    case "invalid_union": {
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
