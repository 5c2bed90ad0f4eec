/**
 * Opens the images of a run: a folder, a procedural source or the embedded samples, with a held-out
 * part.
 */
import { RevqError } from "@revq/core";
import { openImages, splitImages, type IndexedImageSource, type OpenImagesOptions } from "@revq/data";
import type { RunConfig } from "../config/schema.js";
import { sourcesText } from "../config/sources.js";
import { ownPhotograph, type PhotographOf } from "../evaluation/shown-images.js";

export interface TrainingImages {
  readonly train: IndexedImageSource;
  readonly val: IndexedImageSource;
  /** What both are parts of; null if they are different sources. */
  readonly heldOutOf: IndexedImageSource | null;
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
  const options = imageOptions({ data });
  const all = await openImages(spec, { ...options, ...(data.limit !== null ? { limit: data.limit } : {}) });
  const name = data.train === null ? "the embedded sample images" : sourcesText(spec);
  const photographs = data.train === null ? sampleImages.photographOf : undefined;
  if (photographs) note(`Training on ${name} (${all.count} crops of photographs), because no data were named.`);
  noteImages(all, note);
  if (data.val !== null) {
    const val = await openImages(data.val, options);
    noteImages(val, note);
    return {
      train: all,
      val,
      heldOutOf: null,
      photographOf: ownPhotograph,
      trainedOn: `${all.count} images of ${name}`,
      heldOut: `${val.count} images of ${sourcesText(data.val)}`,
    };
  }
  requireTwo(all.count, "image", name);
  const { train, val } = splitImages(all, data.validationFraction, seed, photographs);
  const whole = photographs ? ", all crops of some photographs" : "";
  note(`Held out ${val.count} of ${all.count} images for validation${whole} (seed ${seed}).`);
  return {
    train,
    val,
    heldOutOf: all,
    photographOf: photographs ?? ownPhotograph,
    trainedOn: `${train.count} images of ${name}`,
    heldOut: `${val.count} images held out of ${name}`,
  };
}

/** How images are opened. */
export function imageOptions({
  data: { imageSize, skipBroken, pixelLimit },
}: Pick<RunConfig, "data">): Pick<OpenImagesOptions, "size" | "skipBroken" | "pixelLimit"> {
  return { size: imageSize, skipBroken, pixelLimit: pixelLimit * 1e6 };
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

/** Says that small images are used, after they were read. */
export function noteEnlarged(
  sources: readonly Pick<IndexedImageSource, "enlarged" | "size">[],
  note: (line: string) => void,
): void {
  const enlarged = sources.reduce((sum, source) => sum + source.enlarged, 0);
  if (enlarged === 0) return;
  const were = enlarged === 1 ? "1 image is" : `${enlarged} images are`;
  note(`${were} smaller than ${sources[0]!.size} pixels and ${enlarged === 1 ? "was" : "were"} enlarged.`);
}

/** Names skipped images, or the first of each reason where they are many; a list of thousands helps nobody. */
export function noteSkipped(
  skipped: readonly { readonly name: string; readonly reason: string }[],
  note: (line: string) => void,
): void {
  if (skipped.length <= maxNotedSkips) {
    for (const { name, reason } of skipped) note(`Skipped ${name}: ${reason}`);
    return;
  }
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of skipped) {
    const names = byReason.get(reason);
    if (names) names.push(name);
    else byReason.set(reason, [name]);
  }
  let told = 0;
  for (const [reason, names] of [...byReason].slice(0, maxNotedSkips)) {
    const shown = names.length > 3 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more` : names.join(", ");
    note(`Skipped ${shown}: ${reason}`);
    told += names.length;
  }
  if (told < skipped.length) note(`Skipped ${skipped.length - told} more images.`);
}

const maxNotedSkips = 20;
