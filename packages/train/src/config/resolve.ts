/**
 * Joins defaults, recipe, preset, file, environment and flags, in that order; a later layer wins
 * key by key. Remembers the layer that each value came from.
 */
import {
  nearestNames,
  parseOptions,
  pluginKinds,
  type PluginKind,
  RevqError,
  type PluginRegistry,
  withSettingIn,
  issueText,
} from "@revq/core";
import { isSection, joinLayers, setPath, type ConfigLayer } from "./layer.js";
import { presetNames, presets, type PresetName } from "./presets.js";
import { autoTransform, latentQuantizer, recipeDefaults, recipeNames, type RecipeName } from "./recipes.js";
import { baseDefaults, runConfigSchema, type RunConfig } from "./schema.js";

export interface NamedLayer {
  /** For people: "revq.yaml", "flags". */
  readonly name: string;
  readonly values: ConfigLayer;
  /** It is the record of a run that is resumed: nobody named these settings now. */
  readonly recorded?: boolean;
}

export interface ResolvedConfig {
  readonly config: RunConfig;
  /** Path (`train.epochs`) to the name of the layer that decided it. */
  readonly origins: ReadonlyMap<string, string>;
  /** Paths that the user set now: in a file, the environment or flags. */
  readonly explicit: ReadonlySet<string>;
}

/** Keys of a plugin's section that are not the plugin's own options. */
const sectionKeys: Readonly<Record<string, readonly string[]>> = {
  backbone: ["weights", "embed", "decoder"],
  transform: ["metric"],
};

/**
 * @param given file, environment and flags, weakest first
 * @throws RevqError that names the layer, the key and what is allowed; `setting.path` is the key
 */
export function resolveConfig(given: readonly NamedLayer[], plugins: PluginRegistry): ResolvedConfig {
  const user = given.map((layer) => ({ ...layer, values: oneSource(withoutEmptySections(layer.values), layer.name) }));
  const joinedUser = user.reduce<ConfigLayer>((joined, layer) => joinLayers(joined, layer.values), {});
  const preset = choose(joinedUser["preset"] ?? null, "preset", [...presetNames, null]) as PresetName | null;
  const presetLayer: NamedLayer[] = preset ? [{ name: `preset ${preset}`, values: presets[preset] }] : [];
  const recipe = choose(
    joinedUser["recipe"] ?? presetLayer[0]?.values["recipe"] ?? baseDefaults.recipe,
    "recipe",
    recipeNames,
  ) as RecipeName;

  const latentsAlone = recipe === "kmeans" && namesLatents(joinedUser);
  const defaults: NamedLayer[] = [
    { name: "default", values: baseDefaults },
    ...(latentsAlone ? latentQuantizerLayer(joinedUser, plugins) : []),
  ];
  const idLayers = [...defaults, ...presetLayer, ...user];
  const ids = Object.fromEntries(pluginKinds.map((kind) => [kind, pluginId(idLayers, kind)]));
  const ofRecipe = (values: ConfigLayer): NamedLayer => ({ name: `recipe ${recipe}`, values });
  const setsOf = (kind: PluginKind, set: string): ConfigLayer => ({
    [kind]: ids[kind] === autoTransform ? {} : (plugins.get(kind, ids[kind]!).sets?.[set] ?? {}),
  });
  const layers: NamedLayer[] = [
    ...defaults,
    ofRecipe(recipeDefaults[recipe](plugins.get("quantizer", ids["quantizer"]!))),
    ...pluginKinds.map((kind) => ofRecipe(setsOf(kind, recipe))),
    ...(latentsAlone ? pluginKinds.map((kind) => ({ name: ofLatents, values: setsOf(kind, "latents") })) : []),
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
  const explicit = new Set<string>();
  for (const { name, values, recorded } of given)
    if (!recorded) recordOrigins(withoutEmptySections(values), name, "", { set: (path) => explicit.add(path) });
  const config = parseRunConfig(joined, origins);
  // Options that a plugin refuses show here, before anything is opened.
  for (const kind of pluginKinds) {
    if (config[kind].id !== autoTransform) parseOptions(plugins.get(kind, config[kind].id), ownOptions(config, kind));
  }
  checkDecoder(config, plugins);
  checkWeights(config, plugins);
  return { config, origins, explicit };
}

/** The layer of what holds where there are latents and no pictures. */
const ofLatents = "latents alone";

function namesLatents({ data }: ConfigLayer): boolean {
  return isSection(data) && (data["latents"] ?? null) !== null;
}

/**
 * On latents alone the quantizer of least held-out error, where it is there and takes the options that the user
 * named; with pictures the one whose tokens are easiest to model and to paint with (docs/results.md).
 */
function latentQuantizerLayer({ quantizer }: ConfigLayer, plugins: PluginRegistry): NamedLayer[] {
  const { id, ...named } = isSection(quantizer) ? quantizer : {};
  if (id !== undefined || !plugins.ids("quantizer").includes(latentQuantizer)) return [];
  if (!plugins.get("quantizer", latentQuantizer).options.safeParse(named).success) return [];
  return [{ name: ofLatents, values: { quantizer: { id: latentQuantizer } } }];
}

/** The options of a plugin's section that are the plugin's own. */
export function ownOptions(config: RunConfig, kind: (typeof pluginKinds)[number]): Record<string, unknown> {
  const { id: _id, ...options } = config[kind];
  return Object.fromEntries(Object.entries(options).filter(([key]) => !sectionKeys[kind]?.includes(key)));
}

/** The decoder of another VAE: its plugin and that plugin's own options; null where there is none. */
export function chosenDecoder({ backbone: { decoder } }: RunConfig): {
  readonly id: string;
  readonly weights: string | null;
  readonly options: Record<string, unknown>;
} | null {
  const { id, weights, ...options } = decoder;
  return id === null ? null : { id, weights, options };
}

function checkDecoder(config: RunConfig, plugins: PluginRegistry): void {
  const decoder = chosenDecoder(config);
  if (decoder) {
    try {
      parseOptions(plugins.get("backbone", decoder.id), decoder.options);
      return;
    } catch (error) {
      throw withSettingIn(error, "backbone", "backbone.decoder");
    }
  }
  const { id: _id, ...others } = config.backbone.decoder;
  const named = Object.entries(others).find(([, value]) => value !== null);
  if (!named) return;
  throw new RevqError("config-invalid", `backbone.decoder.${named[0]} is set, but no decoder is named.`, {
    fix: "Name the plugin of the VAE that decodes, or leave its settings out.",
    setting: { path: "backbone.decoder.id" },
  });
}

/** Weights would be ignored by a backbone that is fitted on the images. */
function checkWeights({ backbone: { id, weights } }: RunConfig, plugins: PluginRegistry): void {
  if (weights === null || plugins.get("backbone", id).weights !== "fitted") return;
  throw new RevqError(
    "config-invalid",
    `The backbone ${id} takes no weights: it is fitted on the training images. Got the weights ${weights}.`,
    {
      fix: "Leave the weights out, or name the backbone that they are for.",
      setting: { path: "backbone.weights" },
    },
  );
}

/**
 * The values that the user set, without defaults: they resolve to the same configuration. A layer
 * that is put aside is null there.
 */
export function explicitLayer({ config, explicit }: ResolvedConfig): ConfigLayer {
  return [...explicit].reduce<ConfigLayer>((layer, path) => {
    const parts = path.split(".");
    return setPath(layer, parts, valueAt(config, parts) ?? null);
  }, {});
}

/** A section with nothing but comments in it is null in YAML: it sets nothing. */
function withoutEmptySections(values: ConfigLayer, defaults: ConfigLayer = baseDefaults): ConfigLayer {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => {
      const known = defaults[key];
      if (!isSection(known)) return [[key, value]];
      if (value === null) return [];
      return [[key, isSection(value) ? withoutEmptySections(value, known) : value]];
    }),
  );
}

/**
 * A layer that names images puts aside the latents that a weaker layer named, and the other way
 * round.
 */
function oneSource(values: ConfigLayer, layer: string): ConfigLayer {
  const data = values["data"];
  if (!isSection(data)) return values;
  const [images, latents] = [data["train"] ?? null, data["latents"] ?? null];
  if (images !== null && latents !== null) {
    throw new RevqError("config-invalid", `Both data.train and data.latents are set (${layer}): images or latents?`, {
      fix: "Leave one of them out.",
      setting: { path: "data.latents" },
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

/** A preset's options of a plugin do not apply to another plugin that the user chose instead. */
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
    return `${dotted}${origin ? ` (from ${origin})` : ""}: ${issueText(issue, values)}`;
  });
  const [first] = parsed.error.issues;
  const path = first!.path.map(String).concat(first!.code === "unrecognized_keys" ? first!.keys.slice(0, 1) : []);
  const text = problems.join("; ");
  throw new RevqError("config-invalid", `The configuration is wrong: ${text}${text.endsWith("?") ? "" : "."}`, {
    fix: "Print the configuration with its comments to see every key.",
    setting: { path: path.join("."), ...(first!.code === "unrecognized_keys" && { unknown: true }) },
  });
}

function valueAt(values: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isSection(value) ? value[key] : undefined), values);
}

function unknownKey(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  const dotted = path.join(".");
  const key = path.at(-1)!;
  let shape: Readonly<Record<string, unknown>> = runConfigSchema.shape;
  for (const part of path.slice(0, -1))
    shape = (shape[part] as { shape?: Record<string, unknown> } | undefined)?.shape ?? {};
  const near = nearestNames(key, Object.keys(shape));
  // Of a section: the layer of its first key.
  const origin = origins.get(dotted) ?? [...origins].find(([known]) => known.startsWith(`${dotted}.`))?.[1];
  return `there is no key ${dotted}${origin ? ` (from ${origin})` : ""}${near.length ? `, did you mean ${near.join(" or ")}?` : ""}`;
}

function choose(value: unknown, key: string, allowed: readonly unknown[]): unknown {
  if (allowed.includes(value)) return value;
  const near = nearestNames(String(value), allowed.filter((name) => typeof name === "string") as string[]);
  throw new RevqError(
    "config-invalid",
    `There is no ${key} "${value}".${near.length ? ` Did you mean ${near.join(" or ")}?` : ""}`,
    { fix: `Use one of ${allowed.filter((name) => name !== null).join(", ")}.`, setting: { path: key } },
  );
}

function recordOrigins(
  values: ConfigLayer,
  layer: string,
  prefix: string,
  origins: { set(path: string, layer: string): unknown },
): void {
  for (const [key, value] of Object.entries(values)) {
    if (isSection(value)) recordOrigins(value, layer, `${prefix}${key}.`, origins);
    else origins.set(prefix + key, layer);
  }
}
