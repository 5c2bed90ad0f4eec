/**
 * `REVQ_*` environment variables as a config layer: `REVQ_SEED=1`, `REVQ_TRAIN__EPOCHS=5`,
 * `REVQ_RECTIFIER__HEAD_DIM=16`. Two underscores go one level down, one joins words. Values are
 * YAML scalars.
 */
import { setPath, type ConfigLayer } from "./layer.js";

/** Variables with other meanings: of tests, the cache, the engine onnx and the build of the page. */
const reserved = /^REVQ_(SHARED|TEST_.*|CACHE|ONNX_PROVIDER|SITE_URL)$/;

/** Whether an environment variable is a setting. */
export function isSettingVariable(name: string): boolean {
  return name.startsWith("REVQ_") && !reserved.test(name);
}

/** @param parse reads a scalar, such as `YAML.parse` */
export function environmentLayer(
  environment: Readonly<Record<string, string | undefined>>,
  parse: (text: string) => unknown,
): ConfigLayer {
  let layer: ConfigLayer = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!isSettingVariable(name) || text === undefined) continue;
    const path = name.slice("REVQ_".length).split("__").map(camelCase);
    layer = setPath(layer, path, parse(text));
  }
  return layer;
}

function camelCase(words: string): string {
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
