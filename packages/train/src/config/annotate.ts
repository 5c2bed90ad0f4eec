/**
 * The resolved configuration as YAML with comments: the meaning of each key and the layer that
 * decided it. Keys that the user did not set are commented out, so that the file, used later,
 * leaves them to presets and recipes. `pinned` writes every value, as the record of one run.
 */
import { pluginKinds, type PluginKind, type PluginRegistry } from "@revq/core";
import { z } from "zod";
import { isSection } from "./layer.js";
import { autoTransform } from "./recipes.js";
import type { ResolvedConfig } from "./resolve.js";
import { runConfigSchema } from "./schema.js";

type Shape = Readonly<Record<string, { description?: string | undefined; shape?: Shape }>>;

export function annotateConfig(
  { config, origins, explicit }: ResolvedConfig,
  plugins: PluginRegistry,
  { pinned = false } = {},
): string {
  const lines: string[] = [];
  const shape = runConfigSchema.shape as unknown as Shape;

  /** `auto` stands for a transform that is chosen later: it has no options yet. */
  const optionsOf = (kind: PluginKind): z.ZodObject =>
    config[kind].id === autoTransform ? z.strictObject({}) : plugins.get(kind, config[kind].id).options;

  /** Options of a plugin that nobody set, as comments with their present values. */
  function openOptions(kind: PluginKind): void {
    const { properties = {} } = z.toJSONSchema(optionsOf(kind), { io: "input", unrepresentable: "any" });
    for (const [key, property] of Object.entries(properties)) {
      if (key in config[kind]) continue;
      const { default: value, description = "" } = property as { default?: unknown; description?: string };
      const comment = description ? `  # ${description}` : "";
      lines.push(`  # ${key}: ${value === undefined ? "(open)" : JSON.stringify(value)}${comment}`);
    }
  }

  function section(values: Readonly<Record<string, unknown>>, described: Shape, path: string, indent: string): void {
    for (const [key, value] of Object.entries(values)) {
      const here = path ? `${path}.${key}` : key;
      const known = described[key];
      if (isSection(value)) {
        lines.push("", `${indent}${key}:`);
        const kind = path === "" ? pluginKinds.find((one) => one === key) : undefined;
        const below = kind ? { ...known?.shape, ...(optionsOf(kind).shape as unknown as Shape) } : (known?.shape ?? {});
        section(value, below, here, `${indent}  `);
        if (kind) openOptions(kind);
      } else {
        const origin = origins.get(here);
        const comment = [known?.description, origin && origin !== "default" ? `(${origin})` : ""]
          .filter(Boolean)
          .join(" ");
        const mark = pinned || explicit.has(here) ? "" : "# ";
        lines.push(`${indent}${mark}${key}: ${JSON.stringify(value)}${comment ? `  # ${comment}` : ""}`);
      }
    }
  }
  section(config, shape, "", "");
  return `${lines.join("\n").trim()}\n`;
}
