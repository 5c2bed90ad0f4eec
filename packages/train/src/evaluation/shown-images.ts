/** Which of the measured images people see: typical, worst and best ones, each of another photograph. */

/** Of one reconstruction. */
export interface ImageScores {
  readonly name: string;
  /** Index in the source. */
  readonly row: number;
  /** dB */
  readonly psnr: number;
  /** Null where it is not measured. */
  readonly lpips: number | null;
}

/** The photograph that an image is cut from. Crops of one photograph have the same. */
export type PhotographOf = (name: string) => string;

export const ownPhotograph: PhotographOf = (name) => name;

/** The images next to the median by LPIPS, or by PSNR where LPIPS is not measured; the median first. */
export function typicalImages(
  images: readonly ImageScores[],
  count: number,
  photographOf: PhotographOf,
): readonly ImageScores[] {
  const sorted = sortedBy(images, ({ psnr, lpips }) => lpips ?? -psnr);
  const median = (sorted.length - 1) / 2;
  const ranks = sorted.map((image, rank) => ({ image, distance: Math.abs(rank - median) }));
  ranks.sort((a, b) => a.distance - b.distance); // stable: the better one of two first
  return oneOfEach(
    ranks.map(({ image }) => image),
    count,
    photographOf,
  );
}

/** The images with the lowest and with the highest PSNR, the lowest and the highest first. None is in both. */
export function extremeImages(
  images: readonly ImageScores[],
  count: number,
  photographOf: PhotographOf,
): { readonly worst: readonly ImageScores[]; readonly best: readonly ImageScores[] } {
  const worst = oneOfEach(
    sortedBy(images, ({ psnr }) => psnr),
    count,
    photographOf,
  );
  const best = oneOfEach(
    sortedBy(images, ({ psnr }) => -psnr),
    count,
    photographOf,
  );
  return { worst, best: best.filter((image) => !worst.includes(image)) };
}

/** Equal scores stay in the order of the source. */
function sortedBy(images: readonly ImageScores[], key: (image: ImageScores) => number): ImageScores[] {
  return [...images].sort((a, b) => key(a) - key(b) || a.row - b.row);
}

/** The first `count` images that are of different photographs. */
function oneOfEach(images: readonly ImageScores[], count: number, photographOf: PhotographOf): ImageScores[] {
  const seen = new Set<string>();
  const chosen: ImageScores[] = [];
  for (const image of images) {
    if (chosen.length >= count) break;
    const photograph = photographOf(image.name);
    if (seen.has(photograph)) continue;
    seen.add(photograph);
    chosen.push(image);
  }
  return chosen;
}
