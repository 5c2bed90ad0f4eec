/**
 * The configuration as JSON Schema (draft 7), with the ids and options of the registered plugins.
 * Editors check and complete YAML files with it.
 */
import { pluginKinds, type PluginKind, type PluginRegistry } from "@revq/core";
import { z } from "zod";
import { autoTransform } from "./recipes.js";
import { baseDefaults, runConfigSchema } from "./schema.js";

export interface JsonSchema {
  [keyword: string]: unknown;
}

/** Every key may be left out; unknown keys are refused, as `resolveConfig` refuses them. */
export function configSchema(plugins: PluginRegistry): JsonSchema {
  const schema = withoutRequired(toSchema(runConfigSchema));
  const properties = schema["properties"] as Record<string, JsonSchema>;
  addDefaults(properties, baseDefaults);
  for (const kind of pluginKinds) properties[kind] = pluginSection(kind, properties[kind]!, plugins);
  return { title: "Configuration of revq", ...schema };
}

/**
 * The section of one kind: which options there are depends on `id`, which may be left out for the
 * default one.
 */
function pluginSection(kind: PluginKind, section: JsonSchema, plugins: PluginRegistry): JsonSchema {
  const common = section["properties"] as Record<string, JsonSchema>;
  const known = plugins.ids(kind).map((id) => plugins.get(kind, id));
  const ids = known.map(({ id, title }) => ({ id, title }));
  if (kind === "transform") ids.unshift({ id: autoTransform, title: "the best on held-out data" });
  const id = { ...common["id"], enum: ids.map((one) => one.id), enumDescriptions: ids.map((one) => one.title) };
  return {
    type: "object",
    properties: { ...common, id },
    allOf: known.map((plugin) => {
      const { properties = {} } = withoutRequired(toSchema(plugin.options)) as { properties?: object };
      return {
        if: {
          properties: { id: { const: plugin.id } },
          ...(plugin.id === baseDefaults[kind].id ? {} : { required: ["id"] }),
        },
        then: {
          // Every key of the section is named here again, as `additionalProperties` sees no other
          // schema.
          properties: { ...Object.fromEntries(Object.keys(common).map((key) => [key, true])), ...properties },
          additionalProperties: false,
        },
      };
    }),
  };
}

function toSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" }) as JsonSchema;
}

/** Only the outer levels of sections: what is required inside an option's value stays so. */
function withoutRequired({ required: _required, $schema, ...schema }: JsonSchema, depth = 0): JsonSchema {
  const properties = schema["properties"];
  if (!isObject(properties) || depth > 1) return schema;
  const open = Object.entries(properties).map(([key, value]) => [key, withoutRequired(value as JsonSchema, depth + 1)]);
  return { ...(depth === 0 && $schema ? { $schema } : {}), ...schema, properties: Object.fromEntries(open) };
}

function addDefaults(properties: Record<string, JsonSchema>, values: object): void {
  for (const [key, value] of Object.entries(values)) {
    const property = properties[key];
    if (!property) continue;
    if (isObject(property["properties"])) addDefaults(property["properties"] as typeof properties, value as object);
    // An open setting has no default; yaml-language-server stops at one that is null.
    else if (value !== null) property["default"] = value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
