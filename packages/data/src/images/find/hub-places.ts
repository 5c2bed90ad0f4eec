/** The files of a data set of the Hugging Face hub that may hold images. */
import { RevqError } from "@revq/core";
import { openHubDataset, type HubDataset } from "@revq/formats/node";
import { join } from "node:path";
import { expandBraces } from "./braces.js";
import { hiddenPart } from "./file-kind.js";
import { isGlob, nameMatches } from "./glob.js";
import type { Place } from "./place.js";

/**
 * Of `hf:datasets/owner/name/data` the files below `data`; the path may be a pattern. Hidden files
 * are left out. Names of the files keep their path below what was named.
 * @throws RevqError `hub-*`, `data-no-match`
 */
export async function hubPlaces(spec: string): Promise<Place[]> {
  const dataset = await openHubDataset(spec);
  const visible = dataset.files.filter((path) => hiddenPart(path) === null);
  const places: Place[] = [];
  for (const wanted of expandBraces(dataset.path)) {
    const pieces = wanted.split("/").filter(Boolean);
    for (const path of visible) {
      const parts = path.split("/");
      if (!isBelow(parts, pieces)) continue;
      const named = path === wanted;
      const firstOpen = pieces.findIndex(isGlob);
      const fixed = named ? parts.length - 1 : firstOpen < 0 ? pieces.length : firstOpen;
      places.push(placeOf(dataset, path, named, parts.length - fixed));
    }
    if (places.length > 0 && !pieces.some(isGlob)) places.push(...hiddenBelow(dataset, pieces));
  }
  if (places.length > 0) return places;
  throw new RevqError("data-no-match", `${spec} has no file ${dataset.path || "that is not hidden"}.`, {
    fix: `It has ${shown(visible) || "none"}. Name one of them, a folder or a pattern.`,
    setting: { path: "data.train" },
  });
}

function hiddenBelow({ files, repository }: HubDataset, pieces: readonly string[]): Place[] {
  return files.flatMap((path) => {
    const hidden = hiddenPart(path);
    if (hidden === null || !isBelow(path.split("/"), pieces)) return [];
    return [{ type: "hidden", parts: [...repository.split("/"), ...hidden.split("/")] } as const];
  });
}

function placeOf(dataset: HubDataset, path: string, named: boolean, keep: number): Place {
  const labelled = { named, keep, parts: [...dataset.repository.split("/"), ...path.split("/")] };
  if (dataset.folder !== null) return { ...labelled, type: "file", path: join(dataset.folder, path) };
  return { ...labelled, type: "url", url: dataset.url(path), fetch: dataset.fetch };
}

/** True for the named file itself, and for one below the named folder. `**` stands for any folders. */
function isBelow(parts: readonly string[], pieces: readonly string[]): boolean {
  const [piece, ...rest] = pieces;
  if (piece === undefined) return true;
  if (piece === "**") return parts.some((_, i) => isBelow(parts.slice(i), rest));
  return parts.length > 0 && nameMatches(parts[0]!, piece) && isBelow(parts.slice(1), rest);
}

function shown(paths: readonly string[]): string {
  return paths.slice(0, 5).join(", ") + (paths.length > 5 ? `, and ${paths.length - 5} more` : "");
}
