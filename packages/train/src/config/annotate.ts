/**
 * The resolved config as YAML that explains itself: what each key means and which layer decided it. Keys that nobody set are comments,
 * so that the file, used later, leaves them to presets and recipes; `pinned` writes every value, as the record of one run.
 */
import type { PluginRegistry } from "@revq/core";
import { z } from "zod";
import type { ResolvedConfig } from "./layers.js";
import { runConfigSchema } from "./schema.js";

type Shape = Readonly<Record<string, { description?: string | undefined; shape?: Shape }>>;

export function annotateConfig(
  { config, origins, said }: ResolvedConfig,
  plugins: PluginRegistry,
  { pinned = false } = {},
): string {
  const lines: string[] = [];
  const shape = runConfigSchema.shape as unknown as Shape;

  /** Options of a plugin that nobody set, as comments: what could be said, and what holds now. */
  function openOptions(kind: "backbone" | "quantizer" | "rectifier"): void {
    const { properties = {} } = z.toJSONSchema(plugins.get(kind, config[kind].id).options, {
      io: "input",
      unrepresentable: "any",
    });
    for (const [key, property] of Object.entries(properties)) {
      if (key in config[kind]) continue;
      const { default: preset, description = "" } = property as { default?: unknown; description?: string };
      const comment = description ? `  # ${description}` : "";
      lines.push(`  # ${key}: ${preset === undefined ? "(open)" : JSON.stringify(preset)}${comment}`);
    }
  }

  const pluginShape = (kind: "backbone" | "quantizer" | "rectifier"): Shape =>
    ({
      ...shape[kind]!.shape,
      ...(plugins.get(kind, config[kind].id).options as z.ZodObject).shape,
    }) as Shape;

  function section(values: Readonly<Record<string, unknown>>, described: Shape, path: string, indent: string): void {
    for (const [key, value] of Object.entries(values)) {
      const here = path ? `${path}.${key}` : key;
      const known = described[key];
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        lines.push("", `${indent}${key}:`);
        const kind =
          path === "" && (key === "backbone" || key === "quantizer" || key === "rectifier") ? key : undefined;
        section(value as Record<string, unknown>, kind ? pluginShape(kind) : (known?.shape ?? {}), here, `${indent}  `);
        if (kind) openOptions(kind);
      } else {
        const origin = origins.get(here);
        const comment = [known?.description, origin && origin !== "default" ? `(${origin})` : ""]
          .filter(Boolean)
          .join(" ");
        const mark = pinned || said.has(here) ? "" : "# ";
        lines.push(`${indent}${mark}${key}: ${JSON.stringify(value)}${comment ? `  # ${comment}` : ""}`);
      }
    }
  }
  section(config, shape, "", "");
  return `${lines.join("\n").trim()}\n`;
}
