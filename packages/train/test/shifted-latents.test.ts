import { createRandom, type LatentSource } from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import { describe, expect, it } from "vitest";
import { distinctLatents } from "../src/evaluation/latent-batches.js";
import { isAugmented, withShiftedViews } from "../src/inputs/shifted-latents.js";
import { epochBatches } from "../src/recipes/recipe.js";

/** Every value names its image, row and column. */
function numberedMaps(count: number, side: number): LatentSource {
  const shape = { channels: 2, height: side, width: side };
  const rows = Float32Array.from({ length: count * side * side * 2 }, (_, i) => i);
  return inMemoryLatents(shape, rows);
}

/** Rows and columns that a view was shifted by; null when it is not a shift with mirrored borders. */
function shiftOf(map: Float32Array, view: Float32Array, side: number): [number, number] | null {
  const reflected = (index: number): number => (index < 0 ? -index : index >= side ? 2 * (side - 1) - index : index);
  for (let down = -side; down <= side; down++) {
    for (let right = -side; right <= side; right++) {
      const isShift = view.every((value, i) => {
        const [y, x, channel] = [Math.floor(i / (2 * side)), Math.floor(i / 2) % side, i % 2];
        return value === map[(reflected(y + down) * side + reflected(x + right)) * 2 + channel];
      });
      if (isShift) return [down, right];
    }
  }
  return null;
}

describe("shifted views of latents", () => {
  it("are the same maps, shifted by at most a quarter and never by nothing", async () => {
    const side = 8;
    const latents = numberedMaps(40, side);
    const both = withShiftedViews(latents, createRandom(1));
    expect(both.count).toBe(80);
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const [map, view] = [await both.read([i]), await both.read([40 + i])];
      expect(map).toEqual(await latents.read([i]));
      const shift = shiftOf(map, view, side)!;
      expect(Math.max(...shift.map(Math.abs))).toBeLessThanOrEqual(2);
      expect(shift).not.toEqual([0, 0]);
      seen.add(String(shift));
    }
    expect(seen.size).toBeGreaterThan(10); // of 24
  });

  it("depend on the seed and the row, not on how rows are read", async () => {
    const latents = numberedMaps(5, 16);
    const [a, b] = [withShiftedViews(latents, createRandom(3)), withShiftedViews(latents, createRandom(3))];
    const together = await a.read([9, 2, 7]);
    const apart = await Promise.all([9, 2, 7].map((row) => b.read([row])));
    expect([...together]).toEqual(apart.flatMap((values) => [...values]));
    expect(await withShiftedViews(latents, createRandom(4)).read([5, 6])).not.toEqual(await a.read([5, 6]));
  });

  it("are made for few latents in recipe kmeans, or when asked for", () => {
    const shape = { channels: 1, height: 16, width: 16 };
    const config = (recipe: "kmeans" | "paper", augment: boolean | "auto"): Parameters<typeof isAugmented>[0] =>
      ({ recipe, data: { augment } }) as Parameters<typeof isAugmented>[0];
    expect(isAugmented(config("kmeans", "auto"), { shape, count: 499 })).toBe(true);
    expect(isAugmented(config("kmeans", "auto"), { shape, count: 500 })).toBe(false);
    expect(isAugmented(config("paper", "auto"), { shape, count: 20 })).toBe(false);
    expect(isAugmented(config("paper", true), { shape, count: 5000 })).toBe(true);
    expect(isAugmented(config("kmeans", false), { shape, count: 20 })).toBe(false);
    expect(isAugmented(config("kmeans", true), { shape: { ...shape, height: 1, width: 1 }, count: 20 })).toBe(false);
  });

  it("are drawn once an epoch: every latent in one of its views", () => {
    const latents = numberedMaps(30, 4);
    const views = withShiftedViews(latents, createRandom(0));
    const train = { standardized: views, coefficients: views, distinct: 30 };
    expect(distinctLatents(train)).toBe(30);
    const rows = epochBatches(createRandom(0), 1, train, 7).flatMap((batch) => [...batch]);
    expect(rows).toHaveLength(28);
    expect(new Set(rows.map((row) => row % 30)).size).toBe(28);
    expect(rows.some((row) => row >= 30) && rows.some((row) => row < 30)).toBe(true);
    const plain = { standardized: latents, coefficients: latents };
    const order = epochBatches(createRandom(0), 1, plain, 7).flatMap((batch) => [...batch]);
    expect(order).toEqual(rows.map((row) => row % 30));
  });
});
