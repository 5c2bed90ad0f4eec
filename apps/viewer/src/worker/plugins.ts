/** The plugins that the page can run: one chunk each, loaded when a tokenizer names it. */
import { isPlugin, PluginRegistry } from "@revq/core";
import { pluginsOf, type TokenizerConfig } from "@revq/tokenizer";
import { plugins as included } from "virtual:revq-plugins";

/**
 * A registry of the plugins that the config names. It leaves out plugins that the page lacks; `get`
 * then says so.
 */
export async function pluginsFor(config: TokenizerConfig): Promise<PluginRegistry> {
  const registry = new PluginRegistry();
  for (const { kind, id, package: named } of pluginsOf(config)) {
    const name = named ?? `@revq/${kind}-${id}`;
    const module = await included[name]?.();
    for (const plugin of new Set(Object.values(module ?? {}))) {
      if (isPlugin(plugin) && plugin.kind === kind && plugin.id === id) registry.register(plugin, name);
    }
  }
  return registry;
}
