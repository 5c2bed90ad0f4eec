/** Opens what a run trains on: images (a folder, a procedural source, the embedded samples) or latents, with a held-out part. */
import { createRandom, RevqError, sameLatentShape, latentShapeToArray, type LatentSource } from "@revq/core";
import { openImages, splitImages, type IndexedImageSource } from "@revq/data";
import type { RunConfig } from "./config/schema.js";

export interface TrainingImages {
  readonly train: IndexedImageSource;
  readonly val: IndexedImageSource;
  /** For people: "800 images of photos/". */
  readonly trainedOn: string;
  readonly heldOut: string;
}

export interface TrainingLatents {
  readonly train: LatentSource;
  readonly val: LatentSource;
  readonly trainedOn: string;
  readonly heldOut: string;
}

/** The images that a run without `--data` uses. */
export interface SampleImages {
  readonly folder: string;
  /** Crops of one photograph have the same; they are held out together. */
  readonly photographOf: (name: string) => string;
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
  if (photographs) note(`No --data given: training on ${name} (${all.count} crops of photographs).`);
  noteSkipped(all.skipped, note);
  if (data.val !== null) {
    const val = await openImages(data.val, { size });
    noteSkipped(val.skipped, note);
    return {
      train: all,
      val,
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
    trainedOn: `${train.count} images of ${name}`,
    heldOut: `${val.count} images held out of ${name}`,
  };
}

/** @param open opens what a path names: latents of any kind, or stores only */
export async function openTrainingLatents(
  { data, seed }: RunConfig,
  paths: { readonly train: string; readonly val: string | null },
  open: (path: string) => Promise<LatentSource>,
  note: (line: string) => void,
): Promise<TrainingLatents> {
  const path = paths.train;
  const all = await open(path);
  if (paths.val !== null) {
    const val = await open(paths.val);
    if (!sameLatentShape(all.shape, val.shape)) {
      throw new RevqError(
        "latent-shape",
        `${paths.val} has latents [${latentShapeToArray(val.shape)}], ${path} has [${latentShapeToArray(all.shape)}].`,
        { fix: "Both must come from the same backbone and image size." },
      );
    }
    return {
      train: all,
      val,
      trainedOn: `${all.count} latents of ${path}`,
      heldOut: `${val.count} latents of ${paths.val}`,
    };
  }
  requireTwo(all.count, "latent", path);
  const order = createRandom(seed).fork("hold out").permutation(all.count);
  const held = Math.min(all.count - 1, Math.max(1, Math.round(all.count * data.validationFraction)));
  const val = selectLatents(all, order.slice(0, held).sort());
  const train = selectLatents(all, order.slice(held).sort());
  note(`Held out ${held} of ${all.count} latents for validation (seed ${seed}).`);
  return { train, val, trainedOn: `${train.count} latents of ${path}`, heldOut: `${held} latents held out of ${path}` };
}

function requireTwo(count: number, what: string, where: string): void {
  if (count >= 2) return;
  throw new RevqError("too-few-samples", `${where} holds ${count} ${what}: nothing is left to validate on.`, {
    fix: `Give more ${what}s, or held-out ones of their own (${what === "image" ? "--val" : "--val-latents"}).`,
  });
}

function selectLatents(source: LatentSource, rows: Int32Array): LatentSource {
  return {
    shape: source.shape,
    count: rows.length,
    read: (indices) => source.read(Array.from(indices, (index) => rows[index]!)),
  };
}

/** Names the first skipped images; a list of thousands helps nobody. */
export function noteSkipped(
  skipped: readonly { readonly name: string; readonly reason: string }[],
  note: (line: string) => void,
): void {
  for (const { name, reason } of skipped.slice(0, shownSkips)) note(`Skipped ${name}: ${reason}`);
  if (skipped.length > shownSkips) note(`Skipped ${skipped.length - shownSkips} more images.`);
}

const shownSkips = 20;
