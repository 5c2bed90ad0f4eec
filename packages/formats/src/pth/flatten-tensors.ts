/**
 * Names the tensors of a checkpoint by the dict keys and list indices on the path to them, joined
 * by dots.
 */
import { RevqError } from "@revq/core";
import { PickleMap, TensorReference, type PickleValue } from "./pickle-values.js";

/**
 * Limits for small pickles that refer to their own parts and so describe a huge or endless tree.
 */
const maxVisits = 1_000_000;
const maxDepth = 64;

/**
 * A tensor at the top is named "tensor". Keys that are neither strings nor numbers are ignored.
 * @throws RevqError `pth-malformed`, `pth-name-twice`
 */
export function flattenTensors(value: PickleValue, name: string): ReadonlyMap<string, TensorReference> {
  const tensors = new Map<string, TensorReference>();
  let visits = 0;
  const visit = (at: PickleValue, path: string, depth: number): void => {
    if (++visits > maxVisits || depth > maxDepth) {
      throw new RevqError(
        "pth-malformed",
        `${name}: its contents are nested endlessly or expand to more than ${maxVisits} values.`,
        { fix: "Save the weights only: torch.save(model.state_dict(), PATH)." },
      );
    }
    if (at instanceof TensorReference) {
      const key = path || "tensor";
      if (tensors.has(key)) {
        throw new RevqError("pth-name-twice", `${name} has two tensors whose path is "${key.slice(0, 200)}".`);
      }
      tensors.set(key, at);
      return;
    }
    const entries = Array.isArray(at) ? at.entries() : at instanceof PickleMap ? at.entries() : [];
    for (const [key, child] of entries) {
      const named = typeof key === "string" || typeof key === "number";
      if (named && typeof child === "object" && child !== null)
        visit(child, path ? `${path}.${key}` : `${key}`, depth + 1);
    }
  };
  visit(value, "", 0);
  return tensors;
}
