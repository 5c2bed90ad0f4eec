/** The plugins that the page can run: one chunk each, loaded when a tokenizer names it. */
import { isPlugin, PluginRegistry, pluginKinds } from "@revq/core";
import type { TokenizerConfig } from "@revq/tokenizer";
import { plugins as included } from "virtual:revq-plugins";

/**
 * A registry of the plugins that the config names. It leaves out plugins that the page lacks; `get`
 * then says so.
 */
export async function pluginsFor(config: TokenizerConfig): Promise<PluginRegistry> {
  const registry = new PluginRegistry();
  for (const kind of pluginKinds) {
    const wanted = config[kind];
    if (!wanted) continue;
    const name = wanted.package ?? `@revq/${kind}-${wanted.id}`;
    const module = await included[name]?.();
    for (const plugin of new Set(Object.values(module ?? {}))) {
      if (isPlugin(plugin) && plugin.kind === kind && plugin.id === wanted.id) registry.register(plugin, name);
    }
  }
  return registry;
}
