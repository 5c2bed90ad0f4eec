/** Crops of images that are augmented before they are encoded. */
import type { Augmentation } from "../job/plan.js";

/** Samples of an image. */
export const cropCounts: Readonly<Record<Augmentation, number>> = { none: 1, flip: 2, "ten-crop": 10 };

/** LlamaGen's range of ten crops: images are 1.1 times as large as the crops. */
const tenCropRange = 1.1;

/** Side of the images that crops of `size` pixels are cut from. */
export function sizeBeforeCrops(size: number, augment: Augmentation): number {
  return augment === "ten-crop" ? Math.floor(size * tenCropRange) : size;
}

/**
 * Images `[n, before, before, 3]` -> crops `[n * count, size, size, 3]`, image by image. `flip`: the
 * image and its mirror image. `ten-crop`: top left, top right, bottom left, bottom right, centre, and the
 * mirror image of each, as torchvision's TenCrop.
 */
export function cutCrops(pixels: Float32Array, before: number, size: number, augment: Augmentation): Float32Array {
  if (augment === "none") return pixels;
  const count = cropCounts[augment];
  const perImage = before * before * 3;
  const perCrop = size * size * 3;
  const images = pixels.length / perImage;
  const crops = new Float32Array(images * count * perCrop);
  const places = placesOf(before, size, augment);
  for (let image = 0; image < images; image++) {
    for (const [i, { top, left }] of places.entries()) {
      const plain = (image * count + i) * perCrop;
      const mirrored = plain + places.length * perCrop;
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const from = image * perImage + ((top + y) * before + left + x) * 3;
          const to = (y * size + x) * 3;
          const back = (y * size + size - 1 - x) * 3;
          for (let c = 0; c < 3; c++) {
            crops[plain + to + c] = pixels[from + c]!;
            crops[mirrored + back + c] = pixels[from + c]!;
          }
        }
      }
    }
  }
  return crops;
}

interface Place {
  readonly top: number;
  readonly left: number;
}

/** torchvision rounds half to even (Python's `round`). */
function placesOf(before: number, size: number, augment: Augmentation): Place[] {
  if (augment === "flip") return [{ top: 0, left: 0 }];
  const end = before - size;
  const half = Math.floor(end / 2);
  const middle = end % 2 === 1 && half % 2 === 1 ? half + 1 : half;
  return [
    { top: 0, left: 0 },
    { top: 0, left: end },
    { top: end, left: 0 },
    { top: end, left: end },
    { top: middle, left: middle },
  ];
}
