/** Tokens and codes in words. */

/** "token 3, group 1, code 27"; the token alone while its code is not known. */
export function tokenText(
  token: number,
  shown: { readonly ids: Int32Array; readonly groupOf: Int32Array } | null,
): string {
  return shown ? `token ${token}, group ${shown.groupOf[token]}, code ${shown.ids[token]}` : `token ${token}`;
}

/** "channel 3, rows 2 to 3, columns 8 to 11" */
export function actsOn(indices: Int32Array, [, h, w]: readonly [number, number, number]): string {
  if (indices.length === 0) return "It decides nothing: all codes of its codebook are equal.";
  const span = (values: readonly number[]): string => {
    const [min, max] = [Math.min(...values), Math.max(...values)];
    return min === max ? `${min}` : `${min}–${max}`;
  };
  const list = [...indices];
  const channels = span(list.map((index) => Math.floor(index / (h * w))));
  const rows = span(list.map((index) => Math.floor((index % (h * w)) / w)));
  const columns = span(list.map((index) => index % w));
  return `Decides ${indices.length} elements: channel ${channels}, row ${rows}, column ${columns}.`;
}

const shownElements = 16;

/** The first elements of the vector. */
export function vectorText(values: Float32Array): string {
  const texts = Array.from(values.subarray(0, shownElements), (value) => value.toFixed(2));
  return texts.join("  ") + (values.length > shownElements ? " …" : "");
}
