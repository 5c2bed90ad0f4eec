/** The plugins that are there, by kind and id. Filled by the composition root; a lookup that fails says what to install. */
import { RevqError } from "./errors.js";
import { nearestNames } from "./nearest-names.js";
import { isPlugin, type Plugin, type PluginKind, type PluginOfKind } from "./plugin.js";

export interface RegisteredPlugin<P extends Plugin = Plugin> {
  readonly plugin: P;
  /** The package or path it came from. */
  readonly origin: string;
}

export class PluginRegistry {
  private readonly entries = new Map<string, RegisteredPlugin>();

  /** Registering an id of the same kind twice throws `plugin-duplicate`. */
  register(plugin: Plugin, origin: string): this {
    if (!isPlugin(plugin)) {
      throw new RevqError("plugin-descriptor", `${origin} exports something that is not a plugin descriptor.`, {
        fix: "Export the result of `definePlugin` from @revq/core.",
      });
    }
    const key = `${plugin.kind}:${plugin.id}`;
    const existing = this.entries.get(key);
    if (existing) {
      throw new RevqError(
        "plugin-duplicate",
        `The ${plugin.kind} id "${plugin.id}" of ${origin} is taken by ${existing.origin}.`,
        { fix: `Remove one of the two, or give the plugin in ${origin} another id.` },
      );
    }
    this.entries.set(key, { plugin, origin });
    return this;
  }

  list(): readonly RegisteredPlugin[] {
    return [...this.entries.values()];
  }

  ids(kind: PluginKind): string[] {
    return this.list()
      .filter(({ plugin }) => plugin.kind === kind)
      .map(({ plugin }) => plugin.id);
  }

  /** The npm package that brings a plugin; null for one out of a file or from nowhere that can be named. */
  packageOf(kind: PluginKind, id: string): string | null {
    const origin = this.entries.get(`${kind}:${id}`)?.origin ?? "";
    return /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(origin) ? origin : null;
  }

  get<K extends PluginKind>(kind: K, id: string): PluginOfKind[K] {
    const entry = this.entries.get(`${kind}:${id}`);
    if (entry) return entry.plugin as PluginOfKind[K];
    const known = this.ids(kind);
    const near = nearestNames(id, known);
    throw new RevqError(
      "plugin-unknown",
      `There is no ${kind} "${id}" here. ` +
        (near.length ? `Did you mean ${near.join(" or ")}? ` : "") +
        `Installed: ${known.sort().join(", ") || "none"}.`,
      {
        fix: `Install the package that brings it, or name its package or file among the plugins.`,
        setting: { path: "plugins" },
      },
    );
  }
}
