/** Selects parts of a list of images without decoding them. */
import { createRandom, RevqError } from "@revq/core";
import type { IndexedImageSource } from "./indexed-source.js";

/** The first `limit` images by name, or the source itself when it has no more. */
export function takeImages(source: IndexedImageSource, limit: number): IndexedImageSource {
  if (limit >= source.count) return source;
  return source.select(Array.from({ length: limit }, (_, index) => index));
}

/**
 * Holds out about `round(fraction * count)` images, at least one. The choice depends only on the
 * seed and the order of the names. Both parts keep the order of the source.
 * @param fraction in (0, 1)
 * @param groupOf the group of an image; images of one group, such as crops of one photo, stay
 * together. Default: one group per image
 * @throws RevqError `data-options`, `data-too-few-images` for fewer than two images or groups
 */
export function splitImages(
  source: IndexedImageSource,
  fraction: number,
  seed: number,
  groupOf: (name: string) => string = (name) => name,
): { train: IndexedImageSource; val: IndexedImageSource } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new RevqError("data-options", `The held-out fraction must be between 0 and 1, got ${fraction}.`, {
      setting: { path: "data.validationFraction" },
    });
  }
  const groups = new Map<string, number[]>();
  source.names.forEach((name, index) => {
    const group = groupOf(name);
    const members = groups.get(group);
    if (members) members.push(index);
    else groups.set(group, [index]);
  });
  if (groups.size < 2) {
    throw new RevqError(
      "data-too-few-images",
      `${source.description} has ${source.count} image(s)${groups.size < source.count ? " of one group" : ""}: at least 2 are needed to hold one out for validation.`,
      { fix: "Add images, or name a folder of validation images.", setting: { path: "data.val" } },
    );
  }
  const wanted = Math.max(1, Math.round(fraction * source.count));
  const chosen = new Set(chooseGroups([...groups.values()], wanted, seed).flat());
  const indices = Array.from({ length: source.count }, (_, index) => index);
  return {
    train: source.select(indices.filter((index) => !chosen.has(index))),
    val: source.select(indices.filter((index) => chosen.has(index))),
  };
}

/**
 * Takes groups in a seeded order until `wanted` images are held out. Skips groups that are far too
 * large; never takes all.
 */
function chooseGroups(groups: readonly number[][], wanted: number, seed: number): number[][] {
  const random = createRandom(seed);
  if (groups.every(({ length }) => length === 1)) {
    return Array.from(
      random.fork("hold out").sample(groups.length, Math.min(groups.length - 1, wanted)),
      (index) => groups[index]!,
    );
  }
  const order = Array.from(random.fork("held out").permutation(groups.length), (index) => groups[index]!);
  const chosen: number[][] = [];
  let heldOut = 0;
  for (const group of order) {
    if (heldOut >= wanted || chosen.length === groups.length - 1) break;
    if (heldOut + group.length > 1.5 * wanted) continue;
    chosen.push(group);
    heldOut += group.length;
  }
  return chosen.length > 0
    ? chosen
    : [order.reduce((smallest, group) => (group.length < smallest.length ? group : smallest))];
}
