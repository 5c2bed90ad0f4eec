/** Code lengths of the small prior against the entropy rates of known sources. */
import { createRandom, sharedTokenLayout, type TokenLayout } from "@revq/core";
import { describe, expect, it } from "vitest";
import { entropyBits, priorBitsByHalves, TokenPrior, type PriorGrid } from "../src/index.js";
import { KeyTable } from "../src/prior/key-table.js";

/** Images of a source that draws one token after the other. */
function images(
  n: number,
  tokens: number,
  seed: number,
  draw: (image: Int32Array, token: number, random: () => number) => number,
) {
  const source = createRandom(seed);
  const random = (): number => source.uniform();
  const ids = new Int32Array(n * tokens);
  for (let i = 0; i < n; i++) {
    const image = ids.subarray(i * tokens, (i + 1) * tokens);
    for (let token = 0; token < tokens; token++) image[token] = draw(image, token, random);
  }
  return ids;
}

function bitsPerToken(layout: TokenLayout, grid: PriorGrid | null, train: Int32Array, heldOut: Int32Array): number {
  const prior = new TokenPrior(layout, grid);
  prior.learn(train);
  const bits = prior.bitsOf(heldOut);
  expect(bits.every(Number.isFinite)).toBe(true);
  return bits.reduce((sum, each) => sum + each, 0) / heldOut.length;
}

/** Of a source with one likely code and equally likely others. */
const peaked = (codes: number, likely: number): number =>
  entropyBits([likely, ...new Array<number>(codes - 1).fill((1 - likely) / (codes - 1))]);
const noisy = (code: number, codes: number, likely: number, random: () => number): number =>
  random() < likely ? code % codes : (code + 1 + Math.floor(random() * (codes - 1))) % codes;

describe("the prior's bits a token", () => {
  it("of independent, equally likely codes are log2 K", () => {
    const uniform = (n: number, seed: number) => images(n, 64, seed, (_, __, random) => Math.floor(random() * 16));
    expect(bitsPerToken(sharedTokenLayout(64, 16), null, uniform(200, 1), uniform(100, 2))).toBeCloseTo(4, 1);
  });

  it("stay near log2 K with a few images and many codes", () => {
    const uniform = (n: number, seed: number) => images(n, 64, seed, (_, __, random) => Math.floor(random() * 1024));
    const layout = sharedTokenLayout(64, 1024);
    for (const n of [1, 4, 30]) expect(bitsPerToken(layout, null, uniform(n, 1), uniform(20, 2))).toBeLessThan(10.1);
    expect(bitsPerToken(layout, null, new Int32Array(0), uniform(3, 1))).toBe(10);
  });

  it("are the entropy of codes that are independent and not equally likely", () => {
    const draw = (_: Int32Array, __: number, random: () => number) => noisy(3, 32, 0.8, random);
    const bits = bitsPerToken(sharedTokenLayout(16, 32), null, images(400, 16, 1, draw), images(200, 16, 2, draw));
    expect(bits / peaked(32, 0.8)).toBeCloseTo(1, 1);
  });

  it("of one image again and again are almost 0", () => {
    const one = (n: number) => images(n, 64, 1, (_, token) => (token * token * 7) % 256);
    expect(bitsPerToken(sharedTokenLayout(64, 256), null, one(60), one(10))).toBeLessThan(0.01);
  });

  it("of a counter with a random start are those of the start", () => {
    const count = (n: number, seed: number) =>
      images(n, 32, seed, (image, token, random) =>
        token === 0 ? Math.floor(random() * 64) : (image[token - 1]! + 1) % 64,
      );
    const bits = 32 * bitsPerToken(sharedTokenLayout(32, 64), null, count(1000, 1), count(200, 2));
    expect(bits).toBeGreaterThan(5.9);
    expect(bits).toBeLessThan(6.6);
  });

  it("are the entropy rate of a Markov source of order 1", () => {
    const chain = (n: number, seed: number) =>
      images(n, 64, seed, (image, token, random) =>
        token === 0 ? Math.floor(random() * 16) : noisy(5 * image[token - 1]! + 3, 16, 0.75, random),
      );
    const rate = (4 + 63 * peaked(16, 0.75)) / 64;
    const bits = bitsPerToken(sharedTokenLayout(64, 16), null, chain(400, 1), chain(200, 2));
    expect(bits / rate).toBeGreaterThan(0.97);
    expect(bits / rate).toBeLessThan(1.03);
  });

  it("are the entropy rate of a source of order 2, that one neighbour alone says nothing about", () => {
    const source = (n: number, seed: number) =>
      images(n, 64, seed, (image, token, random) =>
        token < 2 ? Math.floor(random() * 8) : noisy(image[token - 1]! + image[token - 2]!, 8, 0.9, random),
      );
    const rate = (6 + 62 * peaked(8, 0.9)) / 64;
    const bits = bitsPerToken(sharedTokenLayout(64, 8), null, source(400, 1), source(200, 2));
    expect(bits / rate).toBeGreaterThan(0.97);
    expect(bits / rate).toBeLessThan(1.05);
  });

  it("use the grid: the token to the left and the one above, in any order of tokens", () => {
    const [rows, columns] = [6, 6];
    // Token order is column by column, so the token before in the sequence is the one above.
    const positions = Array.from({ length: 36 }, (_, t) => (t % rows) * columns + Math.floor(t / rows));
    const source = (n: number, seed: number) =>
      images(n, 36, seed, (image, token, random) => {
        const [above, left] = [token % rows > 0 ? image[token - 1]! : -1, token >= rows ? image[token - rows]! : -1];
        return above < 0 || left < 0 ? Math.floor(random() * 8) : noisy(above + left, 8, 0.9, random);
      });
    const rate = (11 * 3 + 25 * peaked(8, 0.9)) / 36;
    const [train, heldOut] = [source(500, 1), source(200, 2)];
    const layout = sharedTokenLayout(36, 8);
    const bits = bitsPerToken(layout, { shape: [rows, columns, 1], positions }, train, heldOut);
    expect(bits / rate).toBeGreaterThan(0.97);
    expect(bits / rate).toBeLessThan(1.06);
    expect(bitsPerToken(layout, null, train, heldOut)).toBeGreaterThan(2.5);
  });

  it("count the codes of every group for itself", () => {
    const layout = { count: 2, codebookSizes: [2, 8], groupOf: Int32Array.of(0, 1) };
    const source = (n: number, seed: number) =>
      images(n, 2, seed, (_, token, random) => Math.floor(random() * (token ? 8 : 2)));
    const bits = 2 * bitsPerToken(layout, null, source(3000, 1), source(500, 2));
    expect(bits).toBeGreaterThan(3.95);
    expect(bits).toBeLessThan(4.05);
  });
});

describe("two halves", () => {
  it("give about the cost of a prior that was fitted on other images", () => {
    const chain = (n: number, seed: number) =>
      images(n, 16, seed, (image, token, random) =>
        noisy(token === 0 ? 0 : 3 * image[token - 1]! + 1, 16, 0.75, random),
      );
    const layout = sharedTokenLayout(16, 16);
    const halves = priorBitsByHalves(chain(600, 1), layout)! / 16;
    expect(halves / peaked(16, 0.75)).toBeCloseTo(1, 1);
  });

  it("need two images", () => {
    expect(priorBitsByHalves(Int32Array.of(1, 2), sharedTokenLayout(2, 4))).toBeNull();
    expect(() => priorBitsByHalves(Int32Array.of(1, 2, 3, 0, 1), sharedTokenLayout(2, 4))).toThrow(
      /whole number of images/,
    );
  });
});

describe("the table of keys", () => {
  it("numbers keys as they come, large ones too, and stops at its limit", () => {
    const table = new KeyTable(5000);
    const key = (i: number): number => (i * 7919 * 2 ** 21) % 2 ** 53;
    for (let i = 0; i < 6000; i++) expect(table.add(key(i))).toBe(i < 5000 ? i : -1);
    expect([table.size, table.find(key(4999)), table.find(key(5000)), table.add(key(17))]).toEqual([
      5000, 4999, -1, 17,
    ]);
  });
});
