/** Crops of torchvision: five_crop and ten_crop, and the size that LlamaGen's range gives. */
import { expect, it } from "vitest";
import { cutCrops, sizeBeforeCrops } from "../src/source/crops.js";

/** An image whose red channel is 100 * row + column. */
function numbered(side: number): Float32Array {
  return Float32Array.from({ length: side * side * 3 }, (_, i) =>
    i % 3 === 0 ? 100 * Math.floor(i / 3 / side) + (Math.floor(i / 3) % side) : 0,
  );
}

/** The corners of a crop: top left, top right, bottom left. */
function corners(crops: Float32Array, crop: number, size: number): number[] {
  const red = (y: number, x: number): number => crops[(crop * size * size + y * size + x) * 3]!;
  return [red(0, 0), red(0, size - 1), red(size - 1, 0)];
}

it("flip: the image and its mirror image", () => {
  const crops = cutCrops(numbered(4), 4, 4, "flip");
  expect(corners(crops, 0, 4)).toEqual([0, 3, 300]);
  expect(corners(crops, 1, 4)).toEqual([3, 0, 303]);
});

it("ten-crop: the order of torchvision, mirrored crops behind", () => {
  expect([sizeBeforeCrops(256, "ten-crop"), sizeBeforeCrops(32, "ten-crop"), sizeBeforeCrops(256, "flip")]).toEqual([
    281, 35, 256,
  ]);
  // torchvision.transforms.functional.five_crop: the centre of 7 is at round(3 / 2) = 2, as Python rounds.
  const crops = cutCrops(numbered(7), 7, 4, "ten-crop");
  expect(Array.from({ length: 10 }, (_, crop) => corners(crops, crop, 4)[0])).toEqual([
    0, 3, 300, 303, 202, 3, 6, 303, 306, 205,
  ]);
  expect(corners(crops, 9, 4)).toEqual([205, 202, 505]);
  // round(5 / 2) = 2
  expect(corners(cutCrops(numbered(9), 9, 4, "ten-crop"), 4, 4)[0]).toBe(202);
});

it("keeps images apart", () => {
  const two = Float32Array.of(...numbered(3), ...numbered(3).map((value) => value + 0.5));
  const crops = cutCrops(two, 3, 3, "flip");
  expect([0, 1, 2, 3].map((crop) => corners(crops, crop, 3)[0])).toEqual([0, 2, 0.5, 2.5]);
});
