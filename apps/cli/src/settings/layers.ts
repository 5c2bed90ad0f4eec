/** The layers of a run configuration that flags, the environment and a config file make. */
import { environmentLayer, setPath, type ConfigLayer, type NamedLayer } from "@revq/train/config";
import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import { UsageError } from "../errors/usage-error.js";
import { parseMegapixels } from "../images/image-flags.js";
import { readConfigFile } from "./config-file.js";
import { pathOfFlag } from "./flag-paths.js";
import { parsePictureSteps } from "./picture-steps.js";
import { parseReportImages } from "./report-images.js";

/** Flags whose text is not yet the value. */
const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  lr: parseScalar,
  "pixel-limit": parseMegapixels,
  "report-images": parseReportImages,
  "picture-steps": parsePictureSteps,
};

export type ConfigFlagValues = Readonly<Record<string, unknown>>;

/** File, environment and flags as layers, weakest first. */
export async function userLayers(flags: ConfigFlagValues): Promise<NamedLayer[]> {
  const file = flags["config"] as string | undefined;
  const layers = [
    ...(file === undefined ? [] : [{ name: file, values: await readConfigFile(file) }]),
    { name: "environment", values: environmentLayer(process.env, parseScalar) },
    { name: "flags", values: flagLayer(flags) },
  ];
  const plugins = namedPlugins(flags, layers);
  return flags["plugin"] === undefined ? layers : [...layers, { name: "flags", values: { plugins } }];
}

/** Packages and paths with plugins that flags and the config file name. */
export function namedPlugins(flags: ConfigFlagValues, layers: readonly NamedLayer[]): string[] {
  const listed = layers.flatMap(({ values }) =>
    Array.isArray(values["plugins"]) ? (values["plugins"] as unknown[]).map(String) : [],
  );
  return [...new Set([...((flags["plugin"] as string[] | undefined) ?? []), ...listed])];
}

/** What flags say. Throws `set-syntax`, `report-images`, `picture-steps`. */
export function flagLayer(flags: ConfigFlagValues): ConfigLayer {
  let layer: ConfigLayer = {};
  for (const [flag, path] of Object.entries(pathOfFlag)) {
    const value = flags[flag];
    const parser = parsers[flag];
    if (value !== undefined) layer = setPath(layer, path.split("."), parser ? parser(value as string) : single(value));
  }
  return assignments((flags["set"] as string[] | undefined) ?? [], layer, "rectifier.channels=64");
}

/** A flag that may be repeated and was given once is the value itself. */
function single(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
}

/**
 * What `--set a.b=c` says, on top of a layer.
 *
 * @param example for the message: an assignment that is right
 */
export function assignments(texts: readonly string[], layer: ConfigLayer, example: string): ConfigLayer {
  return texts.reduce((below, text) => {
    const [, path, value] = /^([A-Za-z][\w.]*)=(.*)$/s.exec(text) ?? [];
    if (path === undefined || value === undefined) {
      throw new UsageError("set-syntax", `--set ${text} is not of the form a.b=c.`, {
        fix: `For example: --set ${example}`,
      });
    }
    return setPath(below, path.split("."), parseScalar(value));
  }, layer);
}

/** YAML's reading of a scalar: 64, 1e-3, true, null, text, [a, b]. The parser is loaded with the first scalar. */
function parseScalar(text: string): unknown {
  const { parse } = createRequire(import.meta.url)("yaml") as typeof Yaml;
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}
