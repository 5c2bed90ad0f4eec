/**
 * `REVQ_*` environment variables as a config layer: `REVQ_SEED=1`, `REVQ_TRAIN__EPOCHS=5`, `REVQ_RECTIFIER__HEAD_DIM=16`. Two
 * underscores go one level down, one joins words. Values are YAML scalars.
 */
import type { ConfigLayer } from "./schema.js";

/** Variables with other meanings: where tests find shared data, and which of them run. */
const reserved = /^REVQ_(SHARED|TEST_.*|CACHE)$/;

/** @param parse reads a scalar, such as `YAML.parse` */
export function environmentLayer(
  environment: Readonly<Record<string, string | undefined>>,
  parse: (text: string) => unknown,
): ConfigLayer {
  let layer: ConfigLayer = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("REVQ_") || reserved.test(name) || text === undefined) continue;
    const path = name.slice("REVQ_".length).split("__").map(camelCase);
    layer = setPath(layer, path, parse(text));
  }
  return layer;
}

function camelCase(words: string): string {
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A copy of the layer with the value at the path: `["train", "epochs"]`. */
export function setPath(layer: ConfigLayer, [key, ...rest]: readonly string[], value: unknown): ConfigLayer {
  if (key === undefined) return layer;
  if (rest.length === 0) return { ...layer, [key]: value };
  const below = layer[key];
  return {
    ...layer,
    [key]: setPath(typeof below === "object" && below !== null ? (below as ConfigLayer) : {}, rest, value),
  };
}
