/** A list of names for a message: the first few, and how many there are. */

/**
 * @example
 * shortList(["a.bin", "b.bin", "c.bin"], 2); // => "a.bin, b.bin, … (3 files)"
 */
export function shortList(names: readonly string[], shown = 8): string {
  if (names.length === 0) return "no files";
  return names.slice(0, shown).join(", ") + (names.length > shown ? `, … (${names.length} files)` : "");
}
