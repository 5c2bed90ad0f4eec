/**
 * Fréchet distance and Inception Score in closed form and against scipy; the latents' spectrum
 * against the whole covariance.
 */
import {
  CovarianceAccumulator,
  frechetDistance,
  InceptionScoreAccumulator,
  SpectrumAccumulator,
  type GaussianStatistics,
} from "@revq/metrics";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hashed } from "./seeded.js";

const scipy = JSON.parse(readFileSync(new URL("fixtures/frechet.json", import.meta.url), "utf8")) as Record<
  string,
  number
>;

const diagonal = (mean: number[], variances: number[]): GaussianStatistics => ({
  mean: Float64Array.from(mean),
  covariance: Float64Array.from(variances.flatMap((value, i) => variances.map((_, j) => (i === j ? value : 0)))),
});

/** The samples of tools/golden/frechet.py. */
function samples(n: number, d: number, seed: number): Float64Array {
  const [mixing, raw] = [hashed(d * d, seed + 100), hashed(n * d, seed)];
  const result = new Float64Array(n * d).fill(0.1 * seed);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < d; k++) for (let j = 0; j < d; j++) result[i * d + j]! += raw[i * d + k]! * mixing[k * d + j]!;
  return result;
}

function statistics(vectors: Float64Array, d: number): GaussianStatistics {
  const accumulator = new CovarianceAccumulator(d);
  accumulator.add(vectors);
  return { mean: accumulator.mean, covariance: accumulator.covariance({ correction: 1 }) };
}

describe("the Fréchet distance", () => {
  it("of independent dimensions is the sum of (m1 - m2)^2 + (s1 - s2)^2", () => {
    expect(frechetDistance(diagonal([0, 1, 2], [1, 4, 9]), diagonal([1, 1, 0], [4, 4, 0]))).toBeCloseTo(
      1 + 1 + 0 + 0 + 4 + 9,
      12,
    );
  });

  it("of two 2 x 2 covariances follows tr((A B)^(1/2)) = (tr(A B) + 2 det(A B)^(1/2))^(1/2)", () => {
    const a = { mean: new Float64Array(2), covariance: Float64Array.of(2, 0.7, 0.7, 1) };
    const b = { mean: new Float64Array(2), covariance: Float64Array.of(1, -0.3, -0.3, 3) };
    const trace = 2 * 1 + 2 * 0.7 * -0.3 + 1 * 3;
    const determinant = (2 - 0.49) * (3 - 0.09);
    const expected = 3 + 4 - 2 * Math.sqrt(trace + 2 * Math.sqrt(determinant));
    expect(frechetDistance(a, b)).toBeCloseTo(expected, 12);
    expect(frechetDistance(b, a)).toBeCloseTo(expected, 12);
  });

  it("is scipy's, as pytorch-fid has it", () => {
    for (const [size, distance] of Object.entries(scipy)) {
      const [n, d] = size.split("x").map(Number) as [number, number];
      expect(frechetDistance(statistics(samples(n, d, 1), d), statistics(samples(n, d, 2), d))).toBeCloseTo(
        distance,
        9,
      );
    }
  });

  it("of something with itself is 0, also with fewer samples than dimensions", () => {
    const few = statistics(samples(5, 24, 1), 24);
    expect(frechetDistance(few, few)).toBeLessThan(1e-6);
    const moved = { ...few, mean: few.mean.map((value) => value + 1) };
    expect(frechetDistance(few, moved)).toBeCloseTo(24, 5);
    expect(frechetDistance(few, statistics(samples(200, 24, 2), 24))).toBeGreaterThan(0.1);
  });

  it("refuses what does not fit together", () => {
    expect(() => frechetDistance(diagonal([0], [1]), diagonal([0, 0], [1, 1]))).toThrowError(/got 1 and 2 values/);
  });
});

describe("the Inception Score", () => {
  const inOnePiece = (classes: number, images: number): InceptionScoreAccumulator =>
    new InceptionScoreAccumulator(classes, images, 1);

  it("is the number of classes when each image is surely of another, 1 when all are alike", () => {
    const sure = inOnePiece(4, 4);
    sure.add(Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 60 : 0)));
    expect(sure.score).toBeCloseTo(4, 6);
    const alike = inOnePiece(4, 2);
    alike.add(Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4));
    expect(alike.score).toBeCloseTo(1, 12);
  });

  it("of two images in closed form", () => {
    const [p, q] = [
      [0.9, 0.1],
      [0.4, 0.6],
    ] as const;
    const mean = [0.65, 0.35];
    const divergence = [p, q].map((row) => row.reduce((sum, x, i) => sum + x * Math.log(x / mean[i]!), 0));
    const expected = Math.exp((divergence[0]! + divergence[1]!) / 2);
    const score = inOnePiece(2, 2);
    score.add(Float64Array.from([...p.map(Math.log), ...q.map((x) => Math.log(x) + 5)]));
    expect(score.count).toBe(2);
    expect(score.score).toBeCloseTo(expected, 12);
  });

  it("of ten parts is PyTorch's and SciPy's, with images in any batches (tools/golden/inception-score.py)", () => {
    const golden = JSON.parse(readFileSync(new URL("fixtures/inception-score.json", import.meta.url), "utf8")) as {
      cases: { images: number; classes: number; mean: number; std: number }[];
    };
    for (const { images, classes, mean, std } of golden.cases) {
      const logits = Float64Array.from({ length: images * classes }, (_, i) => 4 * Math.sin(i * i * 0.7 + i));
      const score = new InceptionScoreAccumulator(classes, images);
      for (let at = 0; at < logits.length; at += 7 * classes) score.add(logits.subarray(at, at + 7 * classes));
      expect(score.score).toBeCloseTo(mean, 9);
      expect(score.deviation).toBeCloseTo(std, 9);
    }
  });

  it("leaves out parts whose images did not come, and refuses none at all", () => {
    const half = new InceptionScoreAccumulator(2, 20);
    half.add(new Float32Array(20));
    expect(half.score).toBeCloseTo(1, 12);
    expect(() => new InceptionScoreAccumulator(2, 0)).toThrowError(/both must be 1 or more/);
  });
});

describe("the latents' spectrum", () => {
  it("keeps the total variance, and is the covariance's eigenvalues where channels and frequencies are independent", () => {
    const shape = { channels: 3, height: 4, width: 2 };
    const noise = hashed(500 * 24, 7);
    const latents = Float32Array.from(noise, (value, i) => value * (1 + (i % 3)));
    const spectrum = new SpectrumAccumulator(shape);
    const whole = new CovarianceAccumulator(24);
    for (const part of [latents.subarray(0, 24 * 77), latents.subarray(24 * 77)]) {
      spectrum.add(part);
      whole.add(part);
    }
    expect(spectrum.count).toBe(500);
    const variances = spectrum.variances();
    const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
    const covariance = whole.covariance();
    expect(sum(variances)).toBeCloseTo(sum(Array.from({ length: 24 }, (_, i) => covariance[i * 25]!)), 8);
    // uniform noise of variance 1/12, 4/12, 9/12 in the three channels
    variances.forEach((value, i) => expect(value / ((3 - (i % 3)) ** 2 / 12)).toBeGreaterThan(0.75));
    variances.forEach((value, i) => expect(value / ((3 - (i % 3)) ** 2 / 12)).toBeLessThan(1.3));
  });

  it("puts a constant image into the lowest frequency", () => {
    const spectrum = new SpectrumAccumulator({ channels: 1, height: 4, width: 4 });
    spectrum.add(Float32Array.from({ length: 32 }, (_, i) => (i < 16 ? 1 : -1)));
    const variances = spectrum.variances();
    expect(variances[0]).toBeCloseTo(16, 12);
    expect(Math.max(...variances.slice(1))).toBeLessThan(1e-12);
  });
});
