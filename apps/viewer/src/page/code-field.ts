/** What a person types into a field of a code or a group. */

/** Null for anything but a whole number from 0 to `count` - 1; an empty field is no number. */
export function wholeBelow(text: string, count: number): number | null {
  const trimmed = text.trim();
  if (!/^\d{1,9}$/.test(trimmed)) return null;
  const value = Number(trimmed);
  return value < count ? value : null;
}
