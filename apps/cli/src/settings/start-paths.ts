/** Relative paths of a run that is resumed from another working folder: they are meant from where it began. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setPath, type ConfigLayer } from "@revq/train/config";

/** Settings with local paths or lists of them. */
const settings = [
  "data.train",
  "data.val",
  "data.latents",
  "data.valLatents",
  "backbone.weights",
  "backbone.decoder.weights",
  "score.lpips",
  "score.inception",
];

/**
 * The settings of a run, with paths that hold here. A path that is gone where the run began stays as
 * it is: the whole project may have moved.
 *
 * @param run its folder
 * @param note of what changed
 */
export async function withStartPaths(
  values: ConfigLayer,
  run: string,
  note: (line: string) => void,
): Promise<ConfigLayer> {
  const start = (await readFile(join(run, "run", "started-in"), "utf8").catch(() => "")).trim();
  if (start === "" || resolve(start) === process.cwd()) return values;
  const moved: string[] = [];
  const result = settings.reduce((layer, setting) => {
    const parts = setting.split(".");
    const value = parts.reduce<unknown>((below, key) => (below as ConfigLayer | null | undefined)?.[key], values);
    const paths = [value].flat();
    const found = paths.map((path) => (typeof path === "string" ? pathFrom(start, path) : path));
    if (found.every((path, i) => path === paths[i])) return layer;
    moved.push(setting);
    return setPath(layer, parts, Array.isArray(value) ? found : found[0]);
  }, values);
  if (moved.length > 0) note(`The run began in ${start}; relative paths are meant from there: ${moved.join(", ")}.`);
  return result;
}

function pathFrom(start: string, path: string): string {
  const isLocal = !path.startsWith("/") && !/^[a-z][a-z\d+.-]+:/i.test(path);
  // Of a pattern: the folder before its first open part.
  const fixed = existsSync(join(start, path)) ? path : path.replace(/[^/]*[*?{].*$/s, "");
  return isLocal && existsSync(join(start, fixed)) ? join(start, path) : path;
}
