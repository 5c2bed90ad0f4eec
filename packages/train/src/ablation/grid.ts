/**
 * The trials of an ablation: the cross product of some settings, or a list. Every trial has a name
 * of its own.
 */
import { RevqError } from "@revq/core";
import { z } from "zod";
import { joinLayers, setPath, type ConfigLayer } from "../config/layer.js";

export interface GridTrial {
  /** Unique; also the name of its folder. */
  readonly name: string;
  /** Its settings on top of those that all trials share. */
  readonly layer: ConfigLayer;
}

const layerSchema = z.record(z.string(), z.unknown());

/**
 * A file with `base` (settings of all), `axes` (setting -> values; every combination is a trial)
 * and `trials` (a list).
 */
export const gridSchema = z.strictObject({
  base: layerSchema.optional(),
  axes: z.record(z.string(), z.array(z.unknown()).min(1)).optional(),
  trials: z.array(layerSchema).optional(),
});
export type Grid = z.output<typeof gridSchema>;

/** Throws `grid-invalid`. @param where the file's name, for messages */
export function parseGrid(value: unknown, where: string): Grid {
  const parsed = gridSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "file"}: ${message}`,
  );
  throw new RevqError("grid-invalid", `${where} is not a grid: ${problems.join("; ")}.`, {
    fix: "A grid has `axes` (a setting such as quantizer.id, and a list of values), `trials` (a list of settings), or both. It may have `base`.",
  });
}

/**
 * Every combination of the axes, the last one fastest, then the listed trials. Throws `grid-empty`.
 */
export function expandGrid({ base = {}, axes = {}, trials = [] }: Grid): GridTrial[] {
  const paths = Object.keys(axes);
  let combinations: (readonly (readonly [string, unknown])[])[] = paths.length > 0 ? [[]] : [];
  for (const path of paths) {
    combinations = combinations.flatMap((chosen) => axes[path]!.map((value) => [...chosen, [path, value] as const]));
  }
  const found = [
    ...combinations.map((chosen) => ({
      name: chosen.map(([path, value]) => nameOf(path, value)).join("-"),
      layer: chosen.reduce<ConfigLayer>((layer, [path, value]) => setPath(layer, path.split("."), value), {}),
    })),
    ...trials.map(({ name, ...layer }, index) => ({
      name: typeof name === "string" && name !== "" ? slug(name) : `trial-${index + 1}`,
      layer,
    })),
  ];
  if (found.length === 0) {
    throw new RevqError("grid-empty", "There is nothing to try.", {
      fix: "Give several values of a setting, or a grid.",
      setting: { path: "grid" },
    });
  }
  const names = new Map<string, number>();
  return found.map(({ name, layer }) => {
    const count = (names.get(name) ?? 0) + 1;
    names.set(name, count);
    return { name: count === 1 ? name : `${name}-${count}`, layer: joinLayers(base, layer) };
  });
}

/** `quantizer.tokens` 256 -> `tokens256`; plugin ids and recipes stand alone. */
function nameOf(path: string, value: unknown): string {
  const key = path.split(".").at(-1)!;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return slug(key === "id" || key === "recipe" ? text : `${key}${text}`);
}

function slug(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._]+/g, "-").replaceAll(/^[-.]+|[-.]+$/g, "") || "trial";
}
