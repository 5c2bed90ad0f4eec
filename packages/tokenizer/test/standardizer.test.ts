/**
 * Statistics and standardizing against closed forms. packages/train/test/latent-statistics.test.ts
 * compares them with other software.
 */
import { Standardizer, measureLatents, standardizedSource } from "@revq/tokenizer";
import type { LatentShape, LatentSource } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => tf.setBackend("cpu"));
const shape: LatentShape = { channels: 2, height: 1, width: 2 };

function sourceOf(rows: readonly number[][], of: LatentShape = shape): LatentSource {
  return {
    shape: of,
    count: rows.length,
    read: async (indices) => Float32Array.from(Array.from(indices).flatMap((index) => rows[index]!)),
  };
}

describe("measureLatents", () => {
  it("gives mean and standard deviation over N, dimension by dimension", async () => {
    const { mean, std } = await measureLatents(
      sourceOf([
        [1, 10, 0, 5],
        [3, 10, 0, 5],
        [5, 40, 6, 5],
      ]),
    );
    expect([...mean]).toEqual([3, 20, 2, 5]);
    [Math.sqrt(8 / 3), Math.sqrt(200), Math.sqrt(8)].forEach((value, i) => expect(std[i]).toBeCloseTo(value, 5));
  });

  it("only centres a dimension that never varies", async () => {
    const statistics = await measureLatents(
      sourceOf([
        [7, 1, 2, 3],
        [7, 2, 3, 4],
      ]),
    );
    expect(statistics.std[0]).toBe(1);
    const later = standardizedSource(sourceOf([[7.5, 1, 2, 3]]), statistics);
    expect((await later.read([0]))[0]).toBe(0.5);
  });

  it("is exact far from zero, where a sum of squares is not", async () => {
    const { std } = await measureLatents(sourceOf([1e6 - 1, 1e6 + 1].map((value) => [value, value, value, value])));
    expect([...std]).toEqual([1, 1, 1, 1]);
  });

  it("reads many latents in more than one batch", async () => {
    const wide = { channels: 2 ** 12, height: 16, width: 16 }; // 2^20 elements: 4 latents a batch
    const reads: number[] = [];
    const source: LatentSource = {
      shape: wide,
      count: 6,
      read: async (indices) => {
        reads.push(indices.length);
        const values = new Float32Array(indices.length * 2 ** 20);
        Array.from(indices).forEach((index, row) => values.fill(index, row * 2 ** 20, (row + 1) * 2 ** 20));
        return values;
      },
    };
    const { mean, std } = await measureLatents(source);
    expect(reads).toEqual([4, 2]);
    expect(mean[123]).toBe(2.5);
    expect(std[123]).toBeCloseTo(Math.sqrt(35 / 12), 6);
  });

  it.each([NaN, Infinity])("refuses %s and says where it is", async (bad) => {
    await expect(
      measureLatents(
        sourceOf([
          [1, 2, 3, 4],
          [1, 2, bad, 4],
        ]),
      ),
    ).rejects.toThrow(`Latent 1 holds ${bad} at element 2.`);
  });
});

describe("Standardizer", () => {
  const statistics = { mean: Float32Array.of(1, 2, 3, 4), std: Float32Array.of(1, 2, 4, 8) };
  const latents = (): tf.Tensor4D => tf.tensor4d([2, 4, 7, 12, 1, 2, 3, 4], [2, 1, 2, 2]);

  it("subtracts the mean and divides by the standard deviation, and back", () => {
    const standardizer = Standardizer.fromStatistics(shape, statistics);
    const standardized = standardizer.standardize(latents());
    expect([...standardized.dataSync()]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect([...standardizer.unstandardize(standardized).dataSync()]).toEqual([...latents().dataSync()]);
  });

  it("keeps its state as [c, h, w]", async () => {
    const standardizer = Standardizer.fromStatistics(shape, statistics);
    const state = standardizer.state();
    expect(state["mean"]!.shape).toEqual([2, 1, 2]);
    expect([...state["mean"]!.dataSync()]).toEqual([1, 3, 2, 4]);
    const again = await Standardizer.fromState(shape, state);
    expect([...again.standardize(latents()).dataSync()]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    await expect(Standardizer.fromState(shape, { mean: state["mean"]! })).rejects.toThrow(/no tensor "std"/);
  });

  it("leaves no tensor behind, and may be disposed twice", () => {
    const input = latents();
    const before = tf.memory().numTensors;
    const standardizer = Standardizer.fromStatistics(shape, statistics);
    standardizer.standardize(input).dispose();
    standardizer.unstandardize(input).dispose();
    tf.dispose(standardizer.state());
    standardizer.dispose();
    standardizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("gives the same bits on the host and on the engine", async () => {
    const rows = [
      [0.1, -7.3, 2.2, 1e-3],
      [1 / 3, 9.9, -0.7, 5],
    ];
    const odd = { mean: Float32Array.of(0.3, -1.7, 2.1, 0.01), std: Float32Array.of(0.7, 3.3, 1.1, 0.09) };
    const host = await standardizedSource(sourceOf(rows), odd).read([0, 1]);
    const engine = Standardizer.fromStatistics(shape, odd).standardize(tf.tensor4d(rows.flat(), [2, 1, 2, 2]));
    expect([...host]).toEqual([...engine.dataSync()]);
  });
});
