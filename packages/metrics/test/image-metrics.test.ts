import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  clamp01,
  MeanAccumulator,
  meanSquaredError,
  MseAccumulator,
  msSsim,
  psnr,
  ssim,
  ssimAndMsSsim,
  toUnitRange,
} from "../src/index.js";
import { imagePair } from "./procedural-images.js";

interface Case {
  kind: string;
  height: number;
  width: number;
  channels: number;
  ssim: number;
  psnr: number;
  msSsim?: number;
}
const cases = JSON.parse(readFileSync(new URL("fixtures/ssim.json", import.meta.url), "utf8")) as Case[];

describe("PSNR and SSIM", () => {
  it.each(cases)("give scikit-image's numbers: $kind $height x $width x $channels", (one) => {
    const [a, b] = imagePair(one.kind, one.height, one.width, one.channels);
    expect(ssim(a, b, one.height, one.width, one.channels)).toBeCloseTo(one.ssim, 9);
    expect(psnr(a, b)).toBeCloseTo(one.psnr, 9);
    if (one.msSsim !== undefined) expect(msSsim(a, b, one.height, one.width, one.channels)).toBeCloseTo(one.msSsim, 9);
  });

  it("SSIM of constant images has its closed form", () => {
    const a = new Float64Array(12 * 13 * 3).fill(0.25);
    const b = new Float64Array(a.length).fill(0.75);
    const c1 = 0.01 ** 2;
    expect(ssim(a, b, 12, 13)).toBeCloseTo((2 * 0.25 * 0.75 + c1) / (0.25 ** 2 + 0.75 ** 2 + c1), 12);
    expect(ssim(a, a, 12, 13)).toBeCloseTo(1, 12);
  });

  it("PSNR of identical images is infinite, and 20 dB at an error of .1 everywhere", () => {
    const a = new Float64Array(300).fill(0.5);
    expect(psnr(a, a)).toBe(Infinity);
    expect(
      psnr(
        a,
        a.map((value) => value + 0.1),
      ),
    ).toBeCloseTo(20, 10);
  });

  it("SSIM is symmetric and 1 for an image with itself", () => {
    const [a, b] = imagePair("strong-noise", 40, 30, 3);
    expect(ssim(a, b, 40, 30)).toBeCloseTo(ssim(b, a, 40, 30), 12);
    expect(ssim(b, b, 40, 30)).toBeCloseTo(1, 12);
  });

  it("SSIM and MS-SSIM of one pass are those of two", () => {
    const [a, b] = imagePair("strong-noise", 181, 190, 3);
    expect(ssimAndMsSsim(a, b, 181, 190)).toEqual({ ssim: ssim(a, b, 181, 190), msSsim: msSsim(a, b, 181, 190) });
  });

  it("refuses shapes that do not fit", () => {
    const a = new Float32Array(30 * 30 * 3);
    expect(() => psnr(a, a.subarray(1))).toThrow(/2700 and 2699/);
    expect(() => psnr(a.subarray(0, 0), a.subarray(0, 0))).toThrow(/0 and 0/);
    expect(() => ssim(a, a, 30, 31)).toThrow(/\[30, 31, 3\]/);
    expect(() => ssim(a.subarray(0, 300), a.subarray(0, 300), 10, 10)).toThrow(/at least 11/);
    expect(() => msSsim(a, a, 30, 30)).toThrow(/at least 176/);
  });
});

describe("ranges and means", () => {
  it("clamps, and maps the backbones' range", () => {
    expect([...clamp01(Float32Array.of(-1, 0.25, 2))]).toEqual([0, 0.25, 1]);
    expect([...toUnitRange(Float32Array.of(-1.5, -1, 0, 1, 3))]).toEqual([0, 0, 0.5, 1, 1]);
    expect(clamp01(Float32Array.of(Number.NaN))[0]).toBeNaN();
  });

  it("weighs every element alike, whatever the batches", () => {
    const a = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
    const b = Float32Array.from({ length: 1000 }, (_, i) => Math.cos(i * 0.7));
    const running = new MseAccumulator();
    expect(running.mean).toBeNaN();
    for (const [from, to] of [
      [0, 700],
      [700, 701],
      [701, 1000],
    ] as const)
      running.add(a.subarray(from, to), b.subarray(from, to));
    expect(running.elements).toBe(1000);
    expect(running.mean).toBeCloseTo(meanSquaredError(a, b), 14);
  });

  it("sums in float64: a million times .1 in float32 would drift", () => {
    const zero = new Float32Array(1_000_000);
    const tenth = new Float32Array(1_000_000).fill(0.1);
    expect(meanSquaredError(zero, tenth)).toBeCloseTo(Math.fround(0.1) ** 2, 12);
    const mean = new MeanAccumulator();
    mean.add(1, 3);
    mean.add(5);
    expect(mean.mean).toBe(2);
    expect(mean.weight).toBe(4);
  });
});
