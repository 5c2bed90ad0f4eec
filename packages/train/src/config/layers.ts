/**
 * Joins what defaults, recipe, preset, file, environment and flags say, in that order; a later layer wins key by key. Knows
 * for every value which layer it came from.
 */
import {
  isRevqError,
  nearestNames,
  parseOptions,
  RevqError,
  type PluginRegistry,
  type Recipe,
  recipes,
} from "@revq/core";
import { presets, presetNames, type PresetName } from "./presets.js";
import { baseDefaults, recipeDefaults, runConfigSchema, type ConfigLayer, type RunConfig } from "./schema.js";

export interface NamedLayer {
  /** For people: "revq.yaml", "flags". */
  readonly name: string;
  readonly values: ConfigLayer;
}

export interface ResolvedConfig {
  readonly config: RunConfig;
  /** Path (`train.epochs`) to the name of the layer that decided it. */
  readonly origins: ReadonlyMap<string, string>;
  /** Paths that the user said something about: in a file, the environment or flags. */
  readonly said: ReadonlySet<string>;
}

const pluginKeys = ["backbone", "quantizer", "rectifier"] as const;

/** @param given file, environment and flags, weakest first. Throws a RevqError that names the layer, the key and what is allowed. */
export function resolveConfig(given: readonly NamedLayer[], plugins: PluginRegistry): ResolvedConfig {
  const user = given.map(({ name, values }) => ({ name, values: settleSources(withoutEmptySections(values), name) }));
  const joinedUser = user.reduce<ConfigLayer>((joined, layer) => joinLayers(joined, layer.values), {});
  const preset = choose(joinedUser["preset"] ?? null, "preset", [...presetNames, null]) as PresetName | null;
  const presetLayer: NamedLayer[] = preset ? [{ name: `preset ${preset}`, values: presets[preset] }] : [];
  const recipe = choose(
    joinedUser["recipe"] ?? presetLayer[0]?.values["recipe"] ?? baseDefaults.recipe,
    "recipe",
    recipes,
  ) as Recipe;

  const ids = Object.fromEntries(
    pluginKeys.map((key) => [key, pluginId([{ name: "", values: baseDefaults }, ...presetLayer, ...user], key)]),
  );
  const layers: NamedLayer[] = [
    { name: "default", values: baseDefaults },
    { name: `recipe ${recipe}`, values: recipeDefaults[recipe] },
    ...pluginKeys.map((key) => ({
      name: `recipe ${recipe}`,
      values: { [key]: plugins.get(key, ids[key]!).recipes?.[recipe] ?? {} },
    })),
    ...presetLayer.map(({ name, values }) => ({ name, values: withoutForeignPlugins(values, ids) })),
    ...user,
  ];
  const origins = new Map<string, string>();
  let joined: ConfigLayer = {};
  for (const layer of layers) {
    joined = joinLayers(joined, layer.values);
    recordOrigins(layer.values, layer.name, "", origins);
  }
  joined = { ...joined, recipe };
  const said = new Set<string>();
  for (const layer of user) recordOrigins(layer.values, layer.name, "", { set: (path) => said.add(path) });
  const config = parseRunConfig(joined, origins);
  for (const kind of pluginKeys) checkOptions(kind, config, plugins, origins);
  return { config, origins, said };
}

/** Flags that are wrong are a wrong call; what a file or the environment says is the user's input. */
function exitCodeFor(origin: string | undefined): 1 | 2 {
  return origin === "flags" ? 2 : 1;
}

/** Options that the plugin refuses show here, before anything is opened. */
function checkOptions(
  kind: (typeof pluginKeys)[number],
  config: RunConfig,
  plugins: PluginRegistry,
  origins: ReadonlyMap<string, string>,
): void {
  const { id, ...options } = config[kind];
  const { weights: _weights, embed: _embed, ...own } = options as Record<string, unknown>;
  try {
    parseOptions(plugins.get(kind, id), kind === "backbone" ? own : options);
  } catch (error) {
    if (!isRevqError(error) || error.code !== "plugin-options") throw error;
    const fromFlags = Object.keys(options).some((key) => origins.get(`${kind}.${key}`) === "flags");
    throw new RevqError(error.code, error.message, {
      ...(error.fix === undefined ? {} : { fix: error.fix }),
      exitCode: fromFlags ? 2 : 1,
    });
  }
}

/** A section with nothing but comments in it is null in YAML: it says nothing. */
function withoutEmptySections(values: ConfigLayer): ConfigLayer {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([key, value]) => value !== null || !isSection((baseDefaults as Record<string, unknown>)[key]),
    ),
  );
}

/** A layer that names images puts aside the latents that a weaker layer named, and the other way round. */
function settleSources(values: ConfigLayer, layer: string): ConfigLayer {
  const data = values["data"];
  if (!isSection(data)) return values;
  const [images, latents] = [data["train"] ?? null, data["latents"] ?? null];
  if (images !== null && latents !== null) {
    throw new RevqError("config-invalid", `Both data.train and data.latents are set (${layer}): images or latents?`, {
      fix: "Leave one of them out.",
      exitCode: exitCodeFor(layer),
    });
  }
  if (images !== null) return { ...values, data: { latents: null, valLatents: null, ...data } };
  if (latents !== null) return { ...values, data: { train: null, val: null, ...data } };
  return values;
}

function pluginId(layers: readonly NamedLayer[], key: string): string {
  return layers.reduce((id, layer) => {
    const section = layer.values[key];
    return isSection(section) && typeof section["id"] === "string" ? section["id"] : id;
  }, "");
}

/** A preset's options of a plugin say nothing about another plugin that the user chose instead. */
function withoutForeignPlugins(preset: ConfigLayer, ids: Readonly<Record<string, string>>): ConfigLayer {
  return Object.fromEntries(
    Object.entries(preset).filter(
      ([key, section]) => !(key in ids) || (isSection(section) && section["id"] === ids[key]),
    ),
  );
}

function parseRunConfig(values: ConfigLayer, origins: ReadonlyMap<string, string>): RunConfig {
  const parsed = runConfigSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey([...path, key], origins)).join("; ");
    }
    const dotted = path.join(".");
    const origin = origins.get(dotted);
    return `${dotted}${origin ? ` (from ${origin})` : ""}: ${issue.message}`;
  });
  const origin = parsed.error.issues.map((issue) =>
    originOf(issue.path.map(String).concat(issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : []), origins),
  );
  throw new RevqError("config-invalid", `The configuration is wrong: ${problems.join("; ")}.`, {
    fix: "`revq config` prints every key with its meaning.",
    exitCode: exitCodeFor(origin[0]),
  });
}

function unknownKey(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  const dotted = path.join(".");
  const key = path.at(-1)!;
  let shape: Readonly<Record<string, unknown>> = runConfigSchema.shape;
  for (const part of path.slice(0, -1))
    shape = (shape[part] as { shape?: Record<string, unknown> } | undefined)?.shape ?? {};
  const near = nearestNames(key, Object.keys(shape));
  const origin = originOf(path, origins);
  return `there is no key ${dotted}${origin ? ` (from ${origin})` : ""}${near.length ? `, did you mean ${near.join(" or ")}?` : ""}`;
}

/** Where a key came from; of a section, where its first key did. */
function originOf(path: readonly string[], origins: ReadonlyMap<string, string>): string | undefined {
  const dotted = path.join(".");
  return origins.get(dotted) ?? [...origins].find(([known]) => known.startsWith(`${dotted}.`))?.[1];
}

function choose(value: unknown, key: string, allowed: readonly unknown[]): unknown {
  if (allowed.includes(value)) return value;
  const near = nearestNames(String(value), allowed.filter((name) => typeof name === "string") as string[]);
  throw new RevqError(
    "config-invalid",
    `There is no ${key} "${value}".${near.length ? ` Did you mean ${near.join(" or ")}?` : ""}`,
    {
      fix: `Use one of ${allowed.filter((name) => name !== null).join(", ")}.`,
    },
  );
}

type Section = Readonly<Record<string, unknown>>;
function isSection(value: unknown): value is Section {
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

function recordOrigins(
  values: Section,
  layer: string,
  prefix: string,
  origins: { set(path: string, layer: string): unknown },
): void {
  for (const [key, value] of Object.entries(values)) {
    if (isSection(value)) recordOrigins(value, layer, `${prefix}${key}.`, origins);
    else origins.set(prefix + key, layer);
  }
}
