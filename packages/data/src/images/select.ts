/** Parts of a list of images, chosen by position, without decoding any. */
import { createRandom, RevqError } from "@revq/core";
import type { IndexedImageSource } from "./indexed-source.js";

/** The first `limit` images by name; the source itself when it has no more. */
export function takeImages(source: IndexedImageSource, limit: number): IndexedImageSource {
  if (limit >= source.count) return source;
  return source.select(Array.from({ length: limit }, (_, index) => index));
}

/**
 * Holds out about `round(fraction * count)` images, at least one, chosen by the seed and the names' order alone; both parts keep the
 * order of the source. Throws `data-too-few-images` below two images.
 * @param fraction in (0, 1)
 * @param groupOf images of one group stay together (crops of one photograph are no independent images); default: each alone
 */
export function splitImages(
  source: IndexedImageSource,
  fraction: number,
  seed: number,
  groupOf: (name: string) => string = (name) => name,
): { train: IndexedImageSource; val: IndexedImageSource } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new RevqError("data-options", `The held-out fraction must be between 0 and 1, got ${fraction}.`, {
      exitCode: 2,
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
      { fix: "Add images, or name a validation folder." },
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

/** Groups in a seeded order until `wanted` images are held out, passing over those that are much too large; never all of them. */
function chooseGroups(groups: readonly number[][], wanted: number, seed: number): number[][] {
  const random = createRandom(seed).fork("hold out");
  if (groups.every(({ length }) => length === 1)) {
    return Array.from(random.sample(groups.length, Math.min(groups.length - 1, wanted)), (index) => groups[index]!);
  }
  const order = Array.from(random.permutation(groups.length), (index) => groups[index]!);
  const chosen: number[][] = [];
  let held = 0;
  for (const group of order) {
    if (held >= wanted || chosen.length === groups.length - 1) break;
    if (held + group.length > 1.5 * wanted) continue;
    chosen.push(group);
    held += group.length;
  }
  return chosen.length > 0 ? chosen : [order.reduce((least, group) => (group.length < least.length ? group : least))];
}
