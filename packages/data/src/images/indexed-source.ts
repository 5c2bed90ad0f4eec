/**
 * Image sources that know the names of their images before decoding, so that they can be split and
 * limited. A source is made from a list of names and a function that makes one image.
 */
import type { ImageBatch, ImageSource } from "@revq/core";
import { RevqError } from "@revq/core";
import { bytesToUnitRange, centreCrop } from "../pixels/crop.js";
import type { BesideImage } from "./beside.js";
import type { RgbImage } from "../pixels/resize.js";
import { mapOrdered } from "./prefetch.js";
import { imageFormats } from "./sniff.js";

export interface IndexedImageSource extends ImageSource {
  /** Every image's name, in the order of delivery; `count` of them. */
  readonly names: readonly string[];
  /** Everything that was found: `count`, what was skipped before reading, and `passedOver`. */
  readonly found: number;
  /** Number of files, members and rows that are not images. */
  readonly passedOver: number;
  /** Number of images read so far whose short side is smaller than `size`. */
  readonly enlarged: number;
  /** Facts that the user should know, a sentence each. */
  readonly notes: readonly string[];
  /** Size of every image's file in bytes, in the order of the names; 0 where there is no file. */
  sizes(): Promise<number[]>;
  /**
   * The images with these indices, in that order. Images skipped by the selection also appear in
   * this source's `skipped`.
   */
  select(indices: ArrayLike<number>): IndexedImageSource;
  /** The same images at another size, so that they can be found before the size is known. */
  withSize(size: number): IndexedImageSource;
  /**
   * The image at its own size. Throws an `Error` whose message is the reason if it cannot be read.
   */
  whole(index: number): Promise<RgbImage>;
  /** Labels and captions that come with the image. */
  beside(index: number): BesideImage;
}

export interface SkippedImage {
  readonly name: string;
  readonly reason: string;
}

export interface ImageListOptions {
  readonly description: string;
  readonly size: number;
  readonly names: readonly string[];
  /** Known before anything is decoded. */
  readonly skipped?: readonly SkippedImage[];
  readonly passedOver?: number;
  readonly notes?: readonly string[];
  /** Number of images made at once. */
  readonly concurrency: number;
  /** Size of the image's file in bytes, by the index of its name; default: 0, no file. */
  readonly sizeOf?: (index: number) => Promise<number>;
  /** By the index of its name. Default: nothing. */
  readonly besideOf?: (index: number) => BesideImage;
  /** An `Error` skips the image; its message is the reason. A `RevqError` ends the reading. */
  load(index: number): Promise<RgbImage>;
}

/** Iterating throws `data-no-images` when no image of the list could be made. */
export function imageList(options: ImageListOptions): IndexedImageSource {
  return listOf(options, allOf(options.names), options, { skip: () => {}, enlarge: () => {} });
}

/** What becomes known while images are read. */
interface Reading {
  skip(image: SkippedImage): void;
  enlarge(name: string): void;
}

/** Some of the images of a list. */
interface Chosen {
  readonly names: readonly string[];
  /** Of the list's own names; null: all of them. */
  readonly indices: Int32Array | null;
}

const allOf = (names: readonly string[]): Chosen => ({ names, indices: null });

/** In the list's own names. */
const indexOf = ({ indices }: Chosen, index: number): number => (indices ? indices[index]! : index);

function chosenOf(chosen: Chosen, selected: ArrayLike<number>): Chosen {
  const indices = Int32Array.from(selected, (index) => indexOf(chosen, index));
  return { names: Array.from(selected, (index) => chosen.names[index]!), indices };
}

function listOf(
  options: ImageListOptions,
  chosen: Chosen,
  beside: Pick<ImageListOptions, "skipped" | "passedOver" | "notes">,
  parent: Reading,
): IndexedImageSource {
  const { names } = chosen;
  const skipped = [...(beside.skipped ?? [])];
  const passedOver = beside.passedOver ?? 0;
  const found = names.length + skipped.length + passedOver;
  const skippedNames = new Set(skipped.map(({ name }) => name));
  const enlarged = new Set<string>();
  const reading: Reading = {
    skip(image) {
      if (skippedNames.has(image.name)) return;
      skippedNames.add(image.name);
      skipped.push(image);
      parent.skip(image);
    },
    enlarge(name) {
      enlarged.add(name);
      parent.enlarge(name);
    },
  };
  return {
    description: options.description,
    size: options.size,
    count: names.length,
    names,
    skipped,
    found,
    passedOver,
    notes: beside.notes ?? [],
    get enlarged() {
      return enlarged.size;
    },
    sizes: async () => {
      const { sizeOf, concurrency } = options;
      if (!sizeOf) return names.map(() => 0);
      const sizes: number[] = [];
      const order = { concurrency, ahead: 64 };
      for await (const size of mapOrdered(names.length, (i) => sizeOf(indexOf(chosen, i)), order)) sizes.push(size);
      return sizes;
    },
    batches: (batchSize) => readBatches(options, chosen, batchSize, reading),
    select: (indices) => listOf(options, chosenOf(chosen, indices), {}, reading),
    withSize: (size) => listOf({ ...options, size }, chosen, { ...beside, skipped }, reading),
    whole: (index) => options.load(indexOf(chosen, index)),
    beside: (index) => options.besideOf?.(indexOf(chosen, index)) ?? {},
  };
}

async function* readBatches(
  { description, size, load, concurrency }: ImageListOptions,
  chosen: Chosen,
  batchSize: number,
  { skip, enlarge }: Reading,
): AsyncGenerator<ImageBatch, void, undefined> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`A batch size must be a positive integer, got ${batchSize}.`);
  }
  const { names } = chosen;
  const perImage = size * size * 3;
  let batch: { name: string; bytes: Uint8Array }[] = [];
  let delivered = 0;
  let firstReason = "";

  function flush(): ImageBatch {
    const pixels = new Float32Array(batch.length * perImage);
    batch.forEach(({ bytes }, i) => bytesToUnitRange(bytes, pixels, i * perImage));
    const result = { names: batch.map(({ name }) => name), size, pixels };
    delivered += batch.length;
    batch = [];
    return result;
  }

  const read = (i: number): ReturnType<typeof tryLoad> =>
    tryLoad(() => load(indexOf(chosen, i)), names[i]!, size, enlarge);
  const images = mapOrdered(names.length, read, { concurrency, ahead: concurrency + batchSize });
  for await (const image of images) {
    if ("bytes" in image) batch.push(image);
    else {
      skip(image);
      firstReason ||= `${image.name}: ${image.reason}`;
    }
    if (batch.length === batchSize) yield flush();
  }
  if (batch.length > 0) yield flush();
  if (delivered === 0 && names.length > 0) {
    throw new RevqError(
      "data-no-images",
      `None of the ${names.length} images of ${description} could be read (${firstReason}).`,
      { fix: `Check that the files are complete ${imageFormats} images.` },
    );
  }
}

async function tryLoad(
  load: () => Promise<RgbImage>,
  name: string,
  size: number,
  enlarge: Reading["enlarge"],
): Promise<SkippedImage | { name: string; bytes: Uint8Array }> {
  try {
    const image = await load();
    if (Math.min(image.width, image.height) < size) enlarge(name);
    return { name, bytes: centreCrop(image, size) };
  } catch (error) {
    if (error instanceof RevqError) throw error;
    return { name, reason: error instanceof Error ? error.message : String(error) };
  }
}
