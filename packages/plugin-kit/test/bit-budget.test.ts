/** Tokens and codes for a budget: T log2 K is at most the budget, and near it. */
import type { QuantizerRequest, TransformLayout } from "@revq/core";
import { describe, expect, it } from "vitest";
import { cutFits, requireBitBudget, tokensAndCodes, type TokenChoices } from "../src/index.js";

const latentShape = { channels: 8, height: 32, width: 32 };
const none: TransformLayout = { block: [32, 32], blocks: 1, decorrelated: false };
type Request = Parameters<typeof tokensAndCodes>[1];
const request = (bits: number | null, rest: Partial<QuantizerRequest> = {}): Request => ({
  bits,
  latents: null,
  latentShape,
  ...rest,
});
const choices: TokenChoices = {
  defaultTokens: 1024,
  defaultCodes: 1024,
  maxCodes: 2 ** 16,
  fits: (tokens) => cutFits(latentShape, tokens, "patch", none),
};

describe("tokens and codes", () => {
  it("are the defaults without a budget, and those of the first call in the second", () => {
    expect(tokensAndCodes({}, request(null), choices)).toEqual({ tokens: 1024, codes: 1024 });
    expect(tokensAndCodes({ codes: 7 }, request(null), choices)).toEqual({ tokens: 1024, codes: 7 });
    const latents = { shape: latentShape, count: 1, read: async () => new Float32Array() };
    expect(tokensAndCodes({ tokens: 256, codes: 1024 }, request(9, { latents }), choices)).toEqual({
      tokens: 256,
      codes: 1024,
    });
  });

  it("spend the budget: K follows from T, T from K, both from the default", () => {
    expect(tokensAndCodes({}, request(10_240), choices)).toEqual({ tokens: 1024, codes: 1024 });
    expect(tokensAndCodes({ tokens: 256 }, request(2560), choices)).toEqual({ tokens: 256, codes: 1024 });
    expect(tokensAndCodes({ tokens: 256 }, request(256 * Math.log2(1000)), choices).codes).toBe(1000);
    expect(tokensAndCodes({ codes: 256 }, request(2048), choices)).toEqual({ tokens: 256, codes: 256 });
    expect(tokensAndCodes({ codes: 256 }, request(2100), choices)).toEqual({ tokens: 256, codes: 256 });
    // 1,024 tokens would have two codes each.
    expect(tokensAndCodes({}, request(1024), choices)).toEqual({ tokens: 256, codes: 16 });
  });

  it("count the stages of residual quantization", () => {
    const stages = { ...choices, defaultTokens: 4096, stages: 4, fits: (tokens: number) => choices.fits(tokens / 4) };
    expect(tokensAndCodes({ codes: 1024 }, request(10_240), stages)).toEqual({ tokens: 1024, codes: 1024 });
  });

  it("are those of another transform's layout", () => {
    const keep = { count: 512, codebookSizes: [300, 300], groupOf: new Int32Array(512) };
    expect(tokensAndCodes({}, request(4000, { keep }), choices)).toEqual({ tokens: 512, codes: 300 });
  });

  it.each([
    [{ tokens: 256, codes: 16 }, 4000, "bits-and-tokens-and-codes", /come to 1024 bits/],
    [{ tokens: 1024 }, 1000, "bits-impossible", /with 1024 tokens: the smallest is 1024/],
    [{ tokens: 128 }, 4096, "bits-impossible", /the largest is 2048/],
    [{ codes: 1024 }, 100, "bits-impossible", /with 1024 codes: the smallest is 1280/],
    [{}, 20, "bits-impossible", /the smallest is 128/],
    [{}, 1e6, "bits-impossible", /the largest is 16384/],
  ] as const)("of %j and %d bits are refused", (given, bits, code, message) => {
    const act = (): unknown => tokensAndCodes(given, request(bits), choices);
    expect(act).toThrow(message);
    expect(act).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe("cuts", () => {
  it("of patches tile the map; those by variance need whole blocks", () => {
    const blocks: TransformLayout = { block: [8, 8], blocks: 16, decorrelated: true };
    expect([1024, 512, 256].map((vectors) => cutFits(latentShape, vectors, "patch", none))).toEqual([true, true, true]);
    expect(cutFits(latentShape, 2048, "patch", none)).toBe(false);
    expect(cutFits(latentShape, 2048, "spatial", none)).toBe(true);
    expect([32, 40].map((vectors) => cutFits(latentShape, vectors, "auto", blocks))).toEqual([true, false]);
    expect(cutFits(latentShape, 32, "spatial", null)).toBe(false);
  });
});

describe("a quantizer without a choice", () => {
  it("takes its own bits only", () => {
    expect(() => requireBitBudget(null, 8192, "one bit per element")).not.toThrow();
    expect(() => requireBitBudget(8192, 8192, "one bit per element")).not.toThrow();
    expect(() => requireBitBudget(4096, 8192, "one bit per element")).toThrow(/one bit per element, 8192 bits here/);
  });
});
