/** The plugins that the page can run: one chunk each, loaded when a tokenizer names it. */
import { isPlugin, PluginRegistry, type PluginKind } from "@revq/core";
import type { TokenizerConfig } from "@revq/tokenizer";
import { plugins as included } from "virtual:revq-plugins";

/** A registry with what the config names; what the page does not have is left out, and `get` says so. */
export async function pluginsFor(config: TokenizerConfig): Promise<PluginRegistry> {
  const registry = new PluginRegistry();
  const wanted: [PluginKind, string | undefined][] = [
    ["backbone", config.backbone?.id],
    ["quantizer", config.quantizer.id],
    ["rectifier", config.rectifier.id],
  ];
  for (const [kind, id] of wanted) {
    const name = `${kind}-${id}`;
    const module = await included[name]?.();
    for (const plugin of new Set(Object.values(module ?? {}))) {
      if (isPlugin(plugin) && plugin.kind === kind && plugin.id === id) registry.register(plugin, `@revq/${name}`);
    }
  }
  return registry;
}
