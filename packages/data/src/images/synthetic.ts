/** Procedural images as an `ImageSource`: any number of them, drawn from a seed. */
import { createRandom, nearestNames, RevqError } from "@revq/core";
import { drawDeadLeaves } from "../pixels/dead-leaves.js";
import { imageList, type IndexedImageSource } from "./indexed-source.js";

/** The beginning of a procedural source's spec. */
export const syntheticPrefix = "synthetic:";

const painters = { "dead-leaves": drawDeadLeaves } as const;

export interface SyntheticOptions {
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Default 256. */
  readonly count?: number;
  /** Image i depends only on the seed and on i. Default 0. */
  readonly seed?: number;
}

/**
 * @param spec `synthetic:dead-leaves`
 * @throws RevqError `data-unknown-synthetic`
 */
export function openSynthetic(spec: string, { size, count = 256, seed = 0 }: SyntheticOptions): IndexedImageSource {
  const kind = spec.startsWith(syntheticPrefix) ? spec.slice(syntheticPrefix.length) : spec;
  if (!Object.hasOwn(painters, kind)) {
    const near = nearestNames(kind, Object.keys(painters));
    throw new RevqError("data-unknown-synthetic", `There are no procedural images "${kind}".`, {
      setting: { path: "data.train" },
      fix: `Use ${(near.length ? near : Object.keys(painters)).map((name) => syntheticPrefix + name).join(" or ")}.`,
    });
  }
  const paint = painters[kind as keyof typeof painters];
  const random = createRandom(seed);
  const digits = Math.max(4, String(count - 1).length);
  const names = Array.from({ length: count }, (_, index) => `${kind}-${String(index).padStart(digits, "0")}`);
  const list = imageList({
    description: `${syntheticPrefix}${kind}`,
    size,
    names,
    concurrency: 1,
    load: async (index) => {
      const data = paint(size, random.fork(`image ${index}`));
      return { width: size, height: size, data };
    },
  });
  // They are drawn at their size, not resized.
  return { ...list, withSize: (other) => openSynthetic(spec, { size: other, count, seed }) };
}
