/** What was found so far: images that are not read yet, and everything that is no image. */
import type { SkippedImage } from "../indexed-source.js";
import type { FoundImage } from "./found-image.js";
import { FoundImages } from "./found-images.js";
import { uniqueNames } from "./labels.js";
import { localImage, type LocalFolder } from "./local-image.js";

export interface Findings {
  readonly images: FoundImages;
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
  /**
   * The same for files of a folder, up to the limit. A name is the folder's prefix and the relative path.
   * @param distinct nothing else that is found has one of these names; they take no further memory
   */
  addFiles(folder: LocalFolder, names: readonly string[], distinct?: boolean): void;
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
  const images = new FoundImages();
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
    addFiles(folder, names, distinct = false) {
      for (const name of names) {
        if (images.length >= limit) return;
        const own = distinct ? name : unique(name);
        if (own === name) images.pushFile(folder, name);
        else images.push({ ...localImage(folder, name), name: own });
      }
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
