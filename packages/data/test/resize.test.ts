import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bytesToUnitRange, centreCrop, decodeImage, resizeLanczos, unitRangeToBytes } from "@revq/data";
import { largestDifference, procedural } from "./procedural.js";

/** Made by Pillow: tools/golden/resize.py. */
const golden = JSON.parse(readFileSync(new URL("fixtures/pillow-lanczos.json", import.meta.url), "utf8")) as {
  resize: { from: [number, number]; to: [number, number]; pixels: string }[];
  crop: { from: [number, number]; size: number; pixels: string }[];
  jpeg: { file: string; width: number; height: number; pixels: string }[];
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

describe("resizeLanczos", () => {
  it.each(golden.resize)("is Pillow's, bit for bit: $from -> $to", ({ from, to, pixels }) => {
    const resized = resizeLanczos(procedural(...from), ...to);
    expect([resized.width, resized.height]).toEqual(to);
    expect(largestDifference(resized.data, bytes(pixels))).toBe(0);
  });

  it("computes the same pixels for a window as for the whole", () => {
    const image = procedural(50, 70);
    const whole = resizeLanczos(image, 30, 42);
    const part = resizeLanczos(image, 30, 42, { left: 7, top: 11, width: 9, height: 13 });
    for (let y = 0; y < 13; y++) {
      const row = whole.data.subarray(((11 + y) * 30 + 7) * 3, ((11 + y) * 30 + 16) * 3);
      expect(part.data.subarray(y * 27, (y + 1) * 27)).toEqual(row);
    }
  });

  it("keeps a constant image constant", () => {
    const flat = { width: 19, height: 23, data: new Uint8Array(19 * 23 * 3).fill(201) };
    expect(new Set(resizeLanczos(flat, 7, 40).data)).toEqual(new Set([201]));
  });
});

describe("centreCrop", () => {
  it.each(golden.crop)("is torchvision's Resize and CenterCrop on Pillow: $from -> $size", ({ from, size, pixels }) => {
    expect(largestDifference(centreCrop(procedural(...from), size), bytes(pixels))).toBe(0);
  });

  it("passes a square of the right size through untouched", () => {
    const image = procedural(32, 32);
    expect(centreCrop(image, 32)).toEqual(image.data);
  });
});

describe("decodeImage", () => {
  it.each(golden.jpeg)("decodes a jpeg as Pillow does, within one level: $width x $height", async (example) => {
    const { width, height, data } = await decodeImage(bytes(example.file));
    expect([width, height]).toEqual([example.width, example.height]);
    expect(largestDifference(data, bytes(example.pixels))).toBeLessThanOrEqual(1);
  });
});

describe("number ranges", () => {
  it("is v / 127.5 - 1 and back, exactly, for every level", () => {
    const levels = Uint8Array.from({ length: 256 }, (_, v) => v);
    const unit = new Float32Array(256);
    bytesToUnitRange(levels, unit);
    expect([unit[0], unit[255]]).toEqual([-1, 1]);
    expect(unit[100]).toBeCloseTo(100 / 127.5 - 1, 6);
    expect(unitRangeToBytes(unit)).toEqual(levels);
  });

  it("clamps what lies outside and turns NaN into 0", () => {
    expect([...unitRangeToBytes(Float32Array.of(-3, 7, NaN, Infinity))]).toEqual([0, 255, 0, 255]);
  });
});
