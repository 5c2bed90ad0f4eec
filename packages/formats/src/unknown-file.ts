/**
 * The error for a file that a place does not have: lists the files that are there and suggests near
 * names.
 */
import { nearestNames, RevqError } from "@revq/core";
import { shortList } from "./short-list.js";

/** @param otherwise the fix when no name is near */
export function unknownFile(spec: string, wanted: string, names: readonly string[], otherwise: string): RevqError {
  const near = nearestNames(wanted, names).map((name) => `"${name}"`);
  return new RevqError("weights-file-missing", `${spec} has no file "${wanted}"; it has ${shortList(names, 20)}.`, {
    fix: near.length ? `Did you mean ${near.join(" or ")}?` : otherwise,
  });
}
