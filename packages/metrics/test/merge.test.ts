/** Merged accumulators of several processes equal one accumulator of all data. */
import { createRandom, sharedTokenLayout } from "@revq/core";
import { LatentMoments, type SavedStatistics } from "@revq/numerics";
import {
  CodeCounter,
  CovarianceAccumulator,
  InceptionScoreAccumulator,
  SpectrumAccumulator,
  MeanAccumulator,
} from "@revq/metrics";
import { describe, expect, it } from "vitest";

const random = createRandom(4);
const vectors = Float32Array.from({ length: 60 * 8 }, () => random.normal() + 100);
const bounds = [0, 7, 7, 31, 60];
const ranges = bounds.slice(1).map((to, i) => [bounds[i]!, to] as const);

/** What a file would give back. */
const written = (state: SavedStatistics): SavedStatistics =>
  Object.fromEntries(Object.entries(state).map(([name, data]) => [name, data.slice()]));

function expectEqual(joined: SavedStatistics, whole: SavedStatistics): void {
  expect(Object.keys(joined)).toEqual(Object.keys(whole));
  for (const [name, values] of Object.entries(whole))
    values.forEach((value, i) => expect(joined[name]![i], `${name} ${i}`).toBeCloseTo(value, 8));
}

describe("joined parts", () => {
  it("moments of latents, far from zero", () => {
    const [whole, joined] = [new LatentMoments(8), new LatentMoments(8)];
    whole.add(vectors);
    for (const [from, to] of ranges) {
      const part = new LatentMoments(8);
      part.add(vectors.subarray(from * 8, to * 8));
      joined.merge(written(part.state()));
    }
    expectEqual(joined.state(), whole.state());
    const column = Array.from({ length: 60 }, (_, i) => vectors[i * 8 + 3]!);
    const mean = column.reduce((sum, value) => sum + value) / 60;
    expect(joined.mean[3]).toBeCloseTo(mean, 10);
    expect(joined.squares[3]).toBeCloseTo(
      column.reduce((sum, value) => sum + (value - mean) ** 2, 0),
      8,
    );
  });

  it("covariances and spectra", () => {
    const shape = { channels: 2, height: 2, width: 2 };
    const [whole, joined] = [new CovarianceAccumulator(8), new CovarianceAccumulator(8)];
    const [wholeSpectrum, joinedSpectrum] = [new SpectrumAccumulator(shape), new SpectrumAccumulator(shape)];
    whole.add(vectors);
    wholeSpectrum.add(vectors);
    for (const [from, to] of ranges) {
      const [part, spectrum] = [new CovarianceAccumulator(8), new SpectrumAccumulator(shape)];
      part.add(vectors.subarray(from * 8, to * 8));
      spectrum.add(vectors.subarray(from * 8, to * 8));
      joined.mergeState(written(part.state()));
      joinedSpectrum.merge(written(spectrum.state()));
    }
    expectEqual({ covariance: joined.covariance() }, { covariance: whole.covariance() });
    expectEqual({ variances: joinedSpectrum.variances() }, { variances: wholeSpectrum.variances() });
  });

  it("means, hits of codes and Inception Scores, whose ten parts no process sees whole", () => {
    const layout = { count: 4, codebookSizes: [3], groupOf: new Int32Array(4) };
    const ids = Int32Array.from({ length: 60 * 4 }, () => random.integer(3));
    const make = (first: number) => ({
      mean: new MeanAccumulator(),
      codes: new CodeCounter(layout),
      inception: new InceptionScoreAccumulator(8, 60, undefined, first),
    });
    const fill = (all: ReturnType<typeof make>, from: number, to: number): typeof all => {
      for (let i = from; i < to; i++) all.mean.add(vectors[i * 8]!);
      all.codes.add(ids.subarray(from * 4, to * 4));
      all.inception.add(vectors.subarray(from * 8, to * 8));
      return all;
    };
    const whole = fill(make(0), 0, 60);
    const joined = make(0);
    for (const [from, to] of ranges) {
      const part = fill(make(from), from, to);
      joined.mean.merge(written(part.mean.state()));
      joined.codes.merge(written(part.codes.state()));
      joined.inception.merge(written(part.inception.state()));
    }
    expect(joined.mean.mean).toBeCloseTo(whole.mean.mean, 10);
    expect([...joined.codes.counts]).toEqual([...whole.codes.counts]);
    expect(joined.codes.images).toBe(60);
    expect(joined.inception.score).toBeCloseTo(whole.inception.score, 10);
    expect(joined.inception.deviation).toBeCloseTo(whole.inception.deviation, 10);
  });

  it("refuses what does not fit", () => {
    expect(() => new CovarianceAccumulator(8).mergeState(new CovarianceAccumulator(4).state())).toThrow(/dimensions/);
    const counter = (codes: number) => new CodeCounter(sharedTokenLayout(1, codes));
    expect(() => counter(3).merge(counter(4).state())).toThrow(/3 and 4 codes/);
  });
});
