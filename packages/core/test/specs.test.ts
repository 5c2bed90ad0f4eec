/** What follows from a token spec, a backbone spec and a latent shape, in numbers that can be worked out by hand. */
import {
  bitsPerImage,
  codebookOffsets,
  createRandom,
  isFittable,
  isRevqError,
  isTrainable,
  latentShapeFromArray,
  latentShapeOf,
  latentShapeToArray,
  latentSize,
  quietContext,
  sameLatentShape,
  vocabularyOffsets,
  vocabularySize,
  type Backbone,
  type Quantizer,
  type TokenSpec,
} from "@revq/core";
import { describe, expect, it } from "vitest";

describe("a token spec", () => {
  // Four tokens over two codebooks of 8 and 4 codes.
  const spec: TokenSpec = { tokens: 4, codes: [8, 4], groupOf: Int32Array.of(0, 1, 1, 0) };

  it("bits per image", () => {
    expect(bitsPerImage(spec)).toBe(3 + 2 + 2 + 3);
    const paper = {
      tokens: 512,
      codes: new Array<number>(512).fill(16_384),
      groupOf: Int32Array.from(Array(512).keys()),
    };
    expect(bitsPerImage(paper)).toBe(7168);
    expect(bitsPerImage({ tokens: 1, codes: [3], groupOf: Int32Array.of(0) })).toBeCloseTo(1.584963, 6);
  });
  it("flat ids: every token has codes of its own", () => {
    expect(vocabularySize(spec)).toBe(24);
    expect([...vocabularyOffsets(spec)]).toEqual([0, 8, 12, 16]);
    const equal: TokenSpec = { tokens: 3, codes: [5, 5], groupOf: Int32Array.of(0, 1, 0) };
    expect([...vocabularyOffsets(equal)]).toEqual([0, 5, 10]); // t * K
  });
  it("codebooks one after the other", () => {
    expect([...codebookOffsets(spec)]).toEqual([0, 8]);
    expect([...codebookOffsets({ tokens: 1, codes: [3, 7, 2], groupOf: Int32Array.of(0) })]).toEqual([0, 3, 10]);
  });
});

describe("a backbone spec", () => {
  const spec = { name: "linear 8x8 -> 4", downsample: 8, latentChannels: 4, decodes: true };
  it("gives the latent of a square image", () => {
    expect(latentShapeOf(spec, 256)).toEqual({ channels: 4, height: 32, width: 32 });
  });
  it.each([
    { size: 250, use: 248 },
    { size: 255, use: 256 },
    { size: 3, use: 8 },
    { size: 0, use: 8 },
    { size: -8, use: 8 },
  ])("refuses $size pixels and names $use", ({ size, use }) => {
    try {
      latentShapeOf(spec, size);
      expect.unreachable();
    } catch (error) {
      expect(isRevqError(error) && [error.code, error.fix]).toEqual(["image-size", `Use --image-size ${use}.`]);
    }
  });
});

describe("a latent shape", () => {
  const shape = { channels: 32, height: 8, width: 4 };
  it("counts its numbers and is written [c, h, w]", () => {
    expect(latentSize(shape)).toBe(1024);
    expect(latentShapeToArray(shape)).toEqual([32, 8, 4]);
    expect(latentShapeFromArray([32, 8, 4])).toEqual(shape);
  });
  it("is the same when all three numbers are", () => {
    expect(sameLatentShape(shape, { ...shape })).toBe(true);
    for (const key of ["channels", "height", "width"] as const) {
      expect(sameLatentShape(shape, { ...shape, [key]: 1 })).toBe(false);
    }
  });
});

it("optional abilities are seen from what an object has", () => {
  expect(isTrainable({ variables: [], endOfEpoch: async () => 0 } as unknown as Quantizer)).toBe(true);
  expect(isTrainable({ variables: [] } as unknown as Quantizer)).toBe(false);
  expect(isFittable({ fit: async () => {} } as unknown as Backbone)).toBe(true);
  expect(isFittable({} as Backbone)).toBe(false);
});

it("a quiet context reports nowhere and is never aborted", () => {
  const random = createRandom(1);
  const context = quietContext(random);
  expect(context.random).toBe(random);
  expect(context.report({ phase: "x", done: 0, total: 0 })).toBeUndefined();
  expect(context.signal.aborted).toBe(false);
});
