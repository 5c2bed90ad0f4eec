/** Finds the plugins of a tokenizer: the given ones, then the installed `@revq` packages. */
import { isPlugin, PluginRegistry, pluginKinds, RevqError, type Plugin, type PluginKind } from "@revq/core";
import type { TokenizerConfig } from "./config.js";

interface Options {
  readonly plugins?: PluginRegistry | readonly Plugin[];
  readonly backbone?: boolean;
}

/**
 * A registry with every plugin of the config. Throws `plugin-unknown`, which says what to install.
 */
export async function findPlugins(config: TokenizerConfig, options: Options): Promise<PluginRegistry> {
  const { plugins: given } = options;
  if (given && "list" in given) {
    for (const { kind, id, package: named } of pluginsOf(config)) {
      if (kind === "backbone" && options.backbone === false) continue;
      if (!given.ids(kind).includes(id)) throw notAdded(kind, id, named);
    }
    return given;
  }
  const registry = new PluginRegistry();
  for (const plugin of given ?? []) registry.register(plugin, "the `plugins` that were given");
  for (const { kind, id, package: named } of pluginsOf(config)) {
    if (kind === "backbone" && options.backbone === false) continue;
    if (registry.ids(kind).includes(id)) continue;
    const origin = named ?? `@revq/${kind}-${id}`;
    registry.register(await importPlugin(origin, kind, id), origin);
  }
  return registry;
}

export interface NamedPlugin {
  readonly kind: PluginKind;
  readonly id: string;
  /** Null when unknown. */
  readonly package: string | null;
}

/** The plugins that a config names, the one of another VAE's decoder included. */
export function pluginsOf(config: TokenizerConfig): NamedPlugin[] {
  const named = pluginKinds.flatMap((kind): NamedPlugin[] => {
    const wanted = config[kind];
    return wanted ? [{ kind, id: wanted.id, package: wanted.package }] : [];
  });
  const decoder = config.backbone?.decoder;
  const isKnown = decoder?.id === config.backbone?.id;
  return decoder && !isKnown ? [...named, { kind: "backbone", id: decoder.id, package: decoder.package }] : named;
}

/** A registry was given, and the plugin is not in it. */
function notAdded(kind: PluginKind, id: string, named: string | null): RevqError {
  const from = named ? ` of the package ${named}` : "";
  return new RevqError("plugin-unknown", `The tokenizer needs the ${kind} "${id}"${from}, which is not here.`, {
    fix: named
      ? `Install ${named}, or add its folder to the plugins.`
      : "It was made with a plugin out of a file that belongs to no package: add that file to the plugins.",
    setting: { path: "plugins", ...(named ? { value: named } : {}) },
  });
}

async function importPlugin(name: string, kind: PluginKind, id: string): Promise<Plugin> {
  const missing = (cause?: unknown): RevqError =>
    new RevqError("plugin-unknown", `The tokenizer needs the ${kind} "${id}" of ${name}, which is not installed.`, {
      fix:
        `Install ${name}. A bundled program passes it, and so does a program with plugins of other authors: ` +
        `Tokenizer.load(spec, { plugins: [${identifier(id)}, …] }).`,
      cause,
    });
  // A file may name any package. Only those of this project are imported.
  if (!/^@revq\/[a-z0-9-]+$/.test(name)) throw missing();
  let module: object;
  try {
    module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as object;
  } catch (cause) {
    throw missing(cause);
  }
  const found = Object.values(module).filter(isPlugin);
  return found.find((plugin) => plugin.kind === kind && plugin.id === id) ?? fail(missing());
}

function fail(error: Error): never {
  throw error;
}

const identifier = (id: string): string => id.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
