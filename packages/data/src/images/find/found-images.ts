/** Images that were found and not read yet. An image of a folder takes the memory of its name alone. */
import type { FoundImage } from "./found-image.js";
import { localImage, type LocalFolder } from "./local-image.js";

/** Images that were added one after the other: files of one folder, or images of their own. */
interface Run {
  readonly first: number;
  readonly folder: LocalFolder | null;
  readonly images: FoundImage[];
}

export class FoundImages implements Iterable<FoundImage> {
  readonly names: string[] = [];
  private readonly runs: Run[] = [];

  get length(): number {
    return this.names.length;
  }

  push(image: FoundImage): void {
    this.runOf(null).images.push(image);
    this.names.push(image.name);
  }

  /** @param name the folder's prefix and the relative path */
  pushFile(folder: LocalFolder, name: string): void {
    this.runOf(folder);
    this.names.push(name);
  }

  at(index: number): FoundImage {
    let [low, high] = [0, this.runs.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.runs[middle]!.first <= index) low = middle;
      else high = middle;
    }
    const { first, folder, images } = this.runs[low]!;
    return folder ? localImage(folder, this.names[index]!) : images[index - first]!;
  }

  *[Symbol.iterator](): Iterator<FoundImage> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }

  /** The last run if it is of this folder, or a new one. */
  private runOf(folder: LocalFolder | null): Run {
    const last = this.runs.at(-1);
    if (last && last.folder === folder) return last;
    const run: Run = { first: this.length, folder, images: [] };
    this.runs.push(run);
    return run;
  }
}
