/** The registry of plugins alone, for commands that start nothing: it loads no container. */
import { PluginRegistry } from "@revq/core";
import { discoverPlugins, type FoundPlugin } from "./discover-plugins.js";

/** @param named packages and paths with plugins, from flags and configuration */
export async function openPlugins(named: readonly string[], note: (line: string) => void): Promise<PluginRegistry> {
  const { plugins, problems } = await discoverPlugins([...new Set(named)], process.cwd());
  for (const problem of problems) note(problem);
  return registryOf(plugins);
}

export function registryOf(plugins: readonly FoundPlugin[]): PluginRegistry {
  const registry = new PluginRegistry();
  for (const { plugin, origin } of plugins) registry.register(plugin, origin);
  return registry;
}
