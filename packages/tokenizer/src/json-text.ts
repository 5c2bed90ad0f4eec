/** JSON for people: indented, with lists of numbers on one line. */

/**
 * @example
 * jsonText({ a: [1, 2] }); // => '{\n  "a": [1, 2]\n}\n'
 */
export function jsonText(value: unknown): string {
  // A line break inside a string is escaped, so only lists match.
  const text = JSON.stringify(value, null, 2);
  return `${text.replace(/\[\n\s+([-+.eE\d,\s]+?)\n\s*\]/g, (_, list: string) => `[${list.replace(/,\s+/g, ", ")}]`)}\n`;
}
