/** Names of sources: as much of a path is kept as tells them apart. */

export interface Labelled {
  /** The parts of a path. */
  readonly parts: readonly string[];
  /** Number of last parts that are kept anyway; default 1. */
  readonly keep?: number;
}

/**
 * For every path its last parts, as many for all as are needed: [a, x, 0.tar] and [a, y, 0.tar] ->
 * x/0.tar, y/0.tar. Equal paths get equal labels.
 */
export function labelsOf(paths: readonly Labelled[]): string[] {
  const all = new Set(paths.map(({ parts }) => parts.join("/"))).size;
  const longest = paths.reduce((most, { parts }) => Math.max(most, parts.length), 1);
  for (let kept = 1; ; kept++) {
    const labels = paths.map(({ parts, keep = 1 }) => parts.slice(-Math.max(kept, keep)).join("/"));
    if (kept >= longest || new Set(labels).size === all) return labels;
  }
}

/** Makes names unique: the second `a.png` is `a.png#2`. */
export function uniqueNames(): (name: string) => string {
  const used = new Set<string>();
  return (name) => {
    let unique = name;
    for (let number = 2; used.has(unique); number++) unique = `${name}#${number}`;
    used.add(unique);
    return unique;
  };
}
