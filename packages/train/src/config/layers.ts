/**
 * Joins what defaults, recipe, preset, file, environment and flags say, in that order; a later layer wins key by key. Knows
 * for every value which layer it came from.
 */
import { nearestNames, RevqError, type PluginRegistry, type Recipe, recipes } from "@revq/core";
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
}

const pluginKeys = ["backbone", "quantizer", "rectifier"] as const;

/** @param user file, environment and flags, weakest first. Throws a RevqError that names the layer, the key and what is allowed. */
export function resolveConfig(user: readonly NamedLayer[], plugins: PluginRegistry): ResolvedConfig {
  const said = user.reduce<ConfigLayer>((joined, layer) => join(joined, layer.values), {});
  const preset = choose(said["preset"] ?? null, "preset", [...presetNames, null]) as PresetName | null;
  const presetLayer: NamedLayer[] = preset ? [{ name: `preset ${preset}`, values: presets[preset] }] : [];
  const recipe = choose(
    said["recipe"] ?? presetLayer[0]?.values["recipe"] ?? baseDefaults.recipe,
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
    joined = join(joined, layer.values);
    recordOrigins(layer.values, layer.name, "", origins);
  }
  joined = { ...joined, recipe };
  return { config: parseRunConfig(joined, origins), origins };
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
  throw new RevqError("config-invalid", `The configuration is wrong: ${problems.join("; ")}.`, {
    fix: "`revq config` prints every key with its meaning.",
  });
}

function unknownKey(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  const dotted = path.join(".");
  const key = path.at(-1)!;
  let shape: Readonly<Record<string, unknown>> = runConfigSchema.shape;
  for (const part of path.slice(0, -1))
    shape = (shape[part] as { shape?: Record<string, unknown> } | undefined)?.shape ?? {};
  const near = nearestNames(key, Object.keys(shape));
  const origin = origins.get(dotted) ?? [...origins].find(([known]) => known.startsWith(`${dotted}.`))?.[1];
  return `there is no key ${dotted}${origin ? ` (from ${origin})` : ""}${near.length ? `, did you mean ${near.join(" or ")}?` : ""}`;
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

function join(below: ConfigLayer, above: ConfigLayer): ConfigLayer {
  const joined: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = joined[key];
    joined[key] = isSection(value) && isSection(old) ? join(old, value) : value;
  }
  return joined;
}

function recordOrigins(values: Section, layer: string, prefix: string, origins: Map<string, string>): void {
  for (const [key, value] of Object.entries(values)) {
    if (isSection(value)) recordOrigins(value, layer, `${prefix}${key}.`, origins);
    else origins.set(prefix + key, layer);
  }
}
