/** The centre crop that models are trained on. */
import { resizeLanczos, type RgbImage } from "./resize.js";

/**
 * Resizes the short side to `size` and takes the `size` x `size` centre, with torchvision's
 * rounding (`Resize`, `CenterCrop`): the long side is truncated, the offset rounded half to even.
 * An image whose short side is `size` is not resampled.
 * @returns `[size, size, 3]` uint8
 */
export function centreCrop(image: RgbImage, size: number): Uint8Array {
  const short = Math.min(image.width, image.height);
  const width = image.width === short ? size : Math.trunc((size * image.width) / short);
  const height = image.height === short ? size : Math.trunc((size * image.height) / short);
  const window = {
    left: roundHalfToEven((width - size) / 2),
    top: roundHalfToEven((height - size) / 2),
    width: size,
    height: size,
  };
  return resizeLanczos(image, width, height, window).data;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
