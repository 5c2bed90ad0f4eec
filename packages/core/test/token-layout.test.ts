/** The order of a latent's elements in its tokens, in closed form. */
import { blockShape, divisors, patchShape, tokenDimension, tokenOrder, type LatentShape } from "@revq/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layouts } from "./latent-layouts.js";

const shape: LatentShape = { channels: 2, height: 2, width: 4 };

/** The index of element (c, y, x) in `[h, w, c]`. */
const indexOf = ({ channels, width }: LatentShape, c: number, y: number, x: number): number =>
  (y * width + x) * channels + c;

describe("tokenOrder", () => {
  it("written out for a latent of 2 x 2 x 4", () => {
    expect([...tokenOrder(shape, 4, "channel")]).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15]);
    expect([...tokenOrder(shape, 4, "block")]).toEqual([0, 2, 8, 10, 4, 6, 12, 14, 1, 3, 9, 11, 5, 7, 13, 15]);
    expect([...tokenOrder(shape, 2, "patch")]).toEqual([0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15]);
    expect([...tokenOrder(shape, 4, "spatial")]).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it("is a permutation", () => {
    fc.assert(
      fc.property(layouts, ([latent, tokens, split]) => {
        const order = tokenOrder(latent, tokens, split);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from(order.keys()));
      }),
    );
  });

  it("of the split channel is PyTorch's flattened [c, h, w]", () => {
    const latent = { channels: 3, height: 2, width: 5 };
    const flat: number[] = [];
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 2; y++) for (let x = 0; x < 5; x++) flat.push(indexOf(latent, c, y, x));
    expect([...tokenOrder(latent, 6, "channel")]).toEqual(flat);
  });

  it("of the split block keeps a token in one channel, in a rectangle", () => {
    const latent = { channels: 2, height: 4, width: 6 };
    const order = tokenOrder(latent, 8, "block"); // 6 elements: 2 x 3
    expect(blockShape(latent, 6)).toEqual([2, 3]);
    for (let token = 0; token < 8; token++) {
      const positions = [...order.subarray(token * 6, token * 6 + 6)].map((at) => {
        const position = Math.floor(at / 2);
        return { c: at % 2, y: Math.floor(position / 6), x: position % 6 };
      });
      const span = (values: number[]): number => Math.max(...values) - Math.min(...values) + 1;
      expect(new Set(positions.map(({ c }) => c)).size).toBe(1);
      expect([span(positions.map(({ y }) => y)), span(positions.map(({ x }) => x))]).toEqual([2, 3]);
    }
  });

  it("is the same for channel and block where a block is a row", () => {
    const latent = { channels: 3, height: 1, width: 8 };
    expect(tokenOrder(latent, 6, "block")).toEqual(tokenOrder(latent, 6, "channel"));
  });
});

describe("what does not fit", () => {
  it("tokens that do not divide the latent: the nearest that do", () => {
    expect(() => tokenDimension({ channels: 32, height: 8, width: 8 }, 300)).toThrowErrorMatchingInlineSnapshot(
      `[RevqError: 300 tokens do not divide the latent [32,8,8] of 2048 elements.]`,
    );
    expect(fixOf(() => tokenDimension({ channels: 32, height: 8, width: 8 }, 300))).toMatchInlineSnapshot(
      `"Use a divisor of 2048, such as 64, 128, 256, 512."`,
    );
    for (const tokens of [0, -1, 1.5, NaN]) expect(() => tokenDimension(shape, tokens)).toThrow(/do not divide/);
  });
  it("patches that do not hold all channels, or do not tile: the numbers of tokens that fit", () => {
    const latent = { channels: 4, height: 3, width: 3 };
    for (const tokens of [18, 12, 2]) expect(() => tokenOrder(latent, tokens, "patch")).toThrow(/all 4 channels/);
    expect(fixOf(() => tokenOrder(latent, 18, "patch"))).toBe("Use 1, 3, 9 tokens, or another split.");
    expect(patchShape(latent, 12)).toEqual([1, 3]);
  });
  it("blocks that do not tile", () => {
    expect(() => tokenOrder({ channels: 4, height: 3, width: 3 }, 18, "block")).toThrowErrorMatchingInlineSnapshot(
      `[RevqError: No block of 2 positions tiles a map of 3 x 3.]`,
    );
    expect(() => blockShape(shape, 16)).toThrow(/No block of 16 positions/);
  });
});

it("divisors", () => {
  expect(divisors(1)).toEqual([1]);
  expect(divisors(12)).toEqual([1, 2, 3, 4, 6, 12]);
});

function fixOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as { fix?: string }).fix;
  }
  return undefined;
}
