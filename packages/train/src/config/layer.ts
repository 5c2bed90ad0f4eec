/** A configuration with holes: the values of one layer (preset, file, environment, flags). */
export interface ConfigLayer {
  readonly [key: string]: unknown;
}

type Section = Readonly<Record<string, unknown>>;

export function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `above` on top of `below`, key by key. */
export function joinLayers(below: ConfigLayer, above: ConfigLayer): ConfigLayer {
  const joined: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = joined[key];
    joined[key] = isSection(value) && isSection(old) ? joinLayers(old, value) : value;
  }
  return joined;
}

/** A copy of the layer with the value at the path: `["train", "epochs"]`. */
export function setPath(layer: ConfigLayer, [key, ...rest]: readonly string[], value: unknown): ConfigLayer {
  if (key === undefined) return layer;
  if (rest.length === 0) return { ...layer, [key]: value };
  const below = layer[key];
  return { ...layer, [key]: setPath(isSection(below) ? below : {}, rest, value) };
}
