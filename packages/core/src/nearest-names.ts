/** "Did you mean …?": the known names that are close to a mistyped one. */
import { distance } from "fastest-levenshtein";

/**
 * At most three names within a third of the typed length (at least 2 edits), or that contain what
 * was typed; nearest first.
 */
export function nearestNames(typed: string, known: readonly string[]): string[] {
  const limit = Math.max(2, Math.ceil(typed.length / 3));
  return known
    .map((name) => ({ name, edits: name.includes(typed) || typed.includes(name) ? 1 : distance(typed, name) }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}
