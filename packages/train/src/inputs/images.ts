/**
 * Opens the images of a run: a folder, a procedural source or the embedded samples, with a held-out
 * part.
 */
import { RevqError } from "@revq/core";
import { openImages, splitImages, type IndexedImageSource } from "@revq/data";
import type { RunConfig } from "../config/schema.js";
import { ownPhotograph, type PhotographOf } from "../evaluation/shown-images.js";

export interface TrainingImages {
  readonly train: IndexedImageSource;
  readonly val: IndexedImageSource;
  /** The photograph that an image of `val` is cut from. */
  readonly photographOf: PhotographOf;
  /** For people: "800 images of photos/". */
  readonly trainedOn: string;
  readonly heldOut: string;
}

/** The images of a run that names none. */
export interface SampleImages {
  readonly folder: string;
  /** Crops of one photograph have the same; they are held out together. */
  readonly photographOf: PhotographOf;
}

export async function openTrainingImages(
  { data, seed }: RunConfig,
  sampleImages: SampleImages,
  note: (line: string) => void,
): Promise<TrainingImages> {
  const spec = data.train ?? sampleImages.folder;
  const size = data.imageSize;
  const all = await openImages(spec, { size, ...(data.limit !== null ? { limit: data.limit } : {}) });
  const name = data.train === null ? "the embedded sample images" : spec;
  const photographs = data.train === null ? sampleImages.photographOf : undefined;
  if (photographs) note(`Training on ${name} (${all.count} crops of photographs), because no data were named.`);
  noteImages(all, note);
  if (data.val !== null) {
    const val = await openImages(data.val, { size });
    noteImages(val, note);
    return {
      train: all,
      val,
      photographOf: ownPhotograph,
      trainedOn: `${all.count} images of ${name}`,
      heldOut: `${val.count} images of ${data.val}`,
    };
  }
  requireTwo(all.count, "image", name);
  const { train, val } = splitImages(all, data.validationFraction, seed, photographs);
  const whole = photographs ? ", all crops of some photographs" : "";
  note(`Held out ${val.count} of ${all.count} images for validation${whole} (seed ${seed}).`);
  return {
    train,
    val,
    photographOf: photographs ?? ownPhotograph,
    trainedOn: `${train.count} images of ${name}`,
    heldOut: `${val.count} images held out of ${name}`,
  };
}

/** Throws `too-few-samples` when nothing is left to validate on. */
export function requireTwo(count: number, what: "image" | "latent", where: string): void {
  if (count >= 2) return;
  throw new RevqError("too-few-samples", `${where} holds ${count} ${what}: nothing is left to validate on.`, {
    fix: `Give more ${what}s, or separate held-out ${what}s.`,
    setting: { path: what === "image" ? "data.val" : "data.valLatents" },
  });
}

/** Says what was found beside the images: facts of the archives, skipped images, other files. */
export function noteImages(images: IndexedImageSource, note: (line: string) => void): void {
  const { notes, skipped, found, passedOver, count, description } = images;
  for (const line of notes.slice(0, maxNotedSkips)) note(line);
  if (notes.length > maxNotedSkips) note(`${notes.length - maxNotedSkips} more notes of this kind.`);
  noteSkipped(skipped, note);
  if (found === count) return;
  const others = `${skipped.length} skipped, ${passedOver} passed over (not images)`;
  note(`${description}: found ${found}, of these ${count} images, ${others}.`);
}

/** Names the first skipped images; a list of thousands helps nobody. */
export function noteSkipped(
  skipped: readonly { readonly name: string; readonly reason: string }[],
  note: (line: string) => void,
): void {
  for (const { name, reason } of skipped.slice(0, maxNotedSkips)) note(`Skipped ${name}: ${reason}`);
  if (skipped.length > maxNotedSkips) note(`Skipped ${skipped.length - maxNotedSkips} more images.`);
}

const maxNotedSkips = 20;
