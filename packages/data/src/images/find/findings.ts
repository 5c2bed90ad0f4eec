/** What was found so far: images that are not read yet, and everything that is no image. */
import type { BesideImage } from "../beside.js";
import type { SkippedImage } from "../indexed-source.js";
import { uniqueNames } from "./labels.js";

/** An image that was found and not read yet. */
export interface FoundImage {
  readonly name: string;
  /** Size of the image in bytes, or of the whole archive where the image's size is unknown. */
  size(): number | Promise<number>;
  /** Throws an `Error` whose message says why there is no image. */
  read(): Promise<Uint8Array>;
  /** Its first bytes, where they are cheap to get. */
  head?(): Uint8Array | Promise<Uint8Array>;
  /** The user named this image; it must be readable. */
  readonly named?: boolean;
  /** Default: nothing. */
  readonly beside?: BesideImage;
}

export interface Findings {
  readonly images: readonly FoundImage[];
  readonly skipped: readonly SkippedImage[];
  readonly passedOver: number;
  /** Tables of metadata, passed over. */
  readonly tables: readonly SkippedImage[];
  readonly notes: readonly string[];
  readonly limit: number;
  /** True if no more images are wanted. */
  full(): boolean;
  /** Gives the image another name if its own is taken. */
  add(image: FoundImage): void;
  /** Gives it another name if its own is taken, so that everything can be told apart. */
  skip(name: string, reason: string): void;
  passOver(count?: number): void;
  passOverTable(name: string, reason: string): void;
  /** Passes a hidden file or folder over, once for all that is in the folder. */
  hide(path: string): void;
  note(line: string): void;
}

/** @param limit number of images */
export function findings(limit = Infinity): Findings {
  const images: FoundImage[] = [];
  const skipped: SkippedImage[] = [];
  const tables: SkippedImage[] = [];
  const notes: string[] = [];
  const unique = uniqueNames();
  const hidden = new Set<string>();
  let others = 0;
  return {
    images,
    skipped,
    tables,
    limit,
    notes,
    get passedOver() {
      return others + hidden.size;
    },
    full: () => images.length >= limit,
    add(image) {
      const name = unique(image.name);
      images.push(name === image.name ? image : { ...image, name });
    },
    skip: (name, reason) => void skipped.push({ name: unique(name), reason }),
    passOver: (count = 1) => void (others += count),
    hide: (path) => void hidden.add(path),
    passOverTable(name, reason) {
      others++;
      tables.push({ name, reason });
    },
    note: (line) => void notes.push(line),
  };
}
