/**
 * What a spec names: folders, files and URLs. A local path that exists is taken as it is; otherwise
 * braces and `*`, `?`, `**` are patterns.
 */
import { isRevqError, RevqError } from "@revq/core";
import { isDatasetSpec } from "@revq/formats/node";
import { stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expandBraces } from "./braces.js";
import { kindByName } from "./file-kind.js";
import { exists, glob, isGlob } from "./glob.js";
import { hubPlaces } from "./hub-places.js";
import { pathText, systemReason, type LocalPath } from "./local-path.js";
import type { LocalPlace, Place } from "./place.js";

export const whatIsTaken =
  "Name a folder, an image, a .tar or .parquet file, a pattern such as 'train-{0000..0146}.tar' or " +
  "'data/*.parquet', http(s) URLs of such files, or hf:datasets/owner/name.";

/**
 * @param skipBroken files that do not exist become `missing` places
 * @throws RevqError `data-not-taken`, `data-no-match`, `data-folder-missing`, `file-not-found`,
 * `archives-braces`, `hub-*`
 */
export async function placesOf(spec: string, skipBroken = false): Promise<Place[]> {
  if (isDatasetSpec(spec)) return hubPlaces(spec);
  if (/^https?:\/\//i.test(spec)) return expandBraces(spec).map(urlPlace);
  if (await exists(spec)) return [await localPlace(spec)];
  if (/^file:\/\//i.test(spec)) return [await localPlace(pathOfUrl(spec))];
  if (/^[a-z][a-z\d+.-]+:/i.test(spec) || spec.includes("::")) throw notTaken(spec);
  const names = expandBraces(spec);
  const places: Place[] = [];
  for (const name of names) {
    if ((await exists(name)) || !isGlob(name))
      places.push(
        await localPlace(name).catch((error: unknown) => {
          if (skipBroken && isRevqError(error)) return { type: "missing", error, parts: partsOf(name) } as const;
          throw error;
        }),
      );
    else places.push(...(await matches(name)));
  }
  if (places.length > 0) return places;
  throw new RevqError("data-no-match", `No file matches ${spec}.`, {
    fix: whatIsTaken,
    setting: { path: "data.train" },
  });
}

/** Their names keep what the pattern left open: of `photos/*\/x.png` the folder and the file. */
async function matches(pattern: string): Promise<Place[]> {
  const fixed = pattern.split("/").findIndex(isGlob);
  const depth = partsOf(pattern.split("/").slice(0, fixed).join("/") || (pattern.startsWith("/") ? "/" : ".")).length;
  const places: Place[] = [];
  for (const path of await glob(pattern)) {
    const place = await localPlace(path, false);
    places.push({ ...place, keep: place.parts.length - depth });
  }
  return places;
}

async function localPlace(path: LocalPath, named = true): Promise<LocalPlace> {
  const text = pathText(path);
  const info = await stat(path).catch((cause: unknown) => {
    throw missing(text, cause);
  });
  return { type: info.isDirectory() ? "folder" : "file", path, named, parts: partsOf(text) };
}

function partsOf(path: string): string[] {
  return resolve(path).split(sep).filter(Boolean);
}

function urlPlace(url: string): Place {
  const { host, path } = urlParts(url);
  return { type: "url", url, named: true, parts: [host, ...path] };
}

/** The parts of a URL's path, decoded where that is possible. The query is not used: it may be secret. */
export function urlParts(url: string): { readonly host: string; readonly path: readonly string[] } {
  const [, host = "", path = ""] = /^https?:\/\/([^/?#]*)([^?#]*)/i.exec(url) ?? [];
  return { host: host.replace(/^.*@/, ""), path: path.split("/").filter(Boolean).map(decoded) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function pathOfUrl(spec: string): string {
  try {
    return fileURLToPath(spec);
  } catch {
    throw notTaken(spec);
  }
}

function missing(path: string, cause: unknown): RevqError {
  const gone = (cause as NodeJS.ErrnoException).code === "ENOENT";
  const options = { cause, setting: { path: "data.train" } };
  if (kindByName(path) !== "other") {
    const reason = gone ? "does not exist" : `cannot be read: ${systemReason(cause)}`;
    return new RevqError("file-not-found", `${path} ${reason}.`, { ...options, fix: "Check the path." });
  }
  const reason = gone ? "it does not exist" : systemReason(cause);
  return new RevqError("data-folder-missing", `The image folder ${path} cannot be opened: ${reason}.`, {
    ...options,
    fix: whatIsTaken,
  });
}

function notTaken(spec: string): RevqError {
  const what = spec.includes("::") ? "Lists with :: are" : `${/^[^:]+:/.exec(spec)![0]} is`;
  const [, repository] = /^hf:(?:datasets?\/)?([\w.-]+\/[\w.-]+.*)$/.exec(spec) ?? [];
  return new RevqError("data-not-taken", `${spec}: ${what} not taken.`, {
    fix: repository === undefined ? whatIsTaken : `A data set of the hub is written hf:datasets/${repository}.`,
    setting: { path: "data.train" },
  });
}
