/** The available plugins by kind and id. The composition root fills it. */
import { RevqError } from "./errors.js";
import { nearestNames } from "./nearest-names.js";
import { isPlugin, type Plugin, type PluginKind, type PluginOfKind } from "./plugin.js";

export interface RegisteredPlugin<P extends Plugin = Plugin> {
  readonly plugin: P;
  /** The package or path that it came from. */
  readonly origin: string;
}

/**
 * The available plugins.
 *
 * @example
 * import { z } from "zod";
 * const plugin = definePlugin({
 *   kind: "rectifier",
 *   id: "none",
 *   title: "returns the quantized latent",
 *   options: z.strictObject({}),
 *   parameterCount: () => 0,
 *   create: async () => ({
 *     rectify: (quantized) => quantized.clone(),
 *     variables: [],
 *     state: () => ({}),
 *     restore: () => {},
 *     dispose: () => {},
 *   }),
 * });
 * const registry = new PluginRegistry().register(plugin, "my-package");
 * registry.ids("rectifier"); // => ["none"]
 * registry.packageOf("rectifier", "none"); // => "my-package"
 */
export class PluginRegistry {
  private readonly entries = new Map<string, RegisteredPlugin>();

  /**
   * Adds a plugin. Throws `plugin-descriptor`, and `plugin-duplicate` for an id of the same kind.
   */
  register(plugin: Plugin, origin: string): this {
    if (!isPlugin(plugin)) {
      throw new RevqError("plugin-descriptor", `An export of ${origin} is not a plugin descriptor.`, {
        fix: "Export the result of `definePlugin` from @revq/core.",
      });
    }
    const key = `${plugin.kind}:${plugin.id}`;
    const existing = this.entries.get(key);
    if (existing) {
      throw new RevqError(
        "plugin-duplicate",
        `${existing.origin} and ${origin} both bring a ${plugin.kind} with the id "${plugin.id}".`,
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

  /**
   * The npm package that brings a plugin; null for one out of a file or from nowhere that can be
   * named.
   */
  packageOf(kind: PluginKind, id: string): string | null {
    const origin = this.entries.get(`${kind}:${id}`)?.origin ?? "";
    return /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(origin) ? origin : null;
  }

  /**
   * The plugin of that kind and id. Throws `plugin-unknown`, which lists the ids that are there.
   */
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
        fix: "Install the package that brings it, or add its package or file to the plugins.",
        setting: { path: "plugins" },
      },
    );
  }
}
