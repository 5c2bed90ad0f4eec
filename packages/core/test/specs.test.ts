/** Token layouts, backbone specs and latent shapes, against values worked out by hand. */
import {
  bitsPerImage,
  codebookOffsets,
  createRandom,
  isRevqError,
  latentShapeFromArray,
  latentShapeOf,
  latentShapeToArray,
  latentSize,
  quietContext,
  sameLatentShape,
  type TokenLayout,
} from "@revq/core";
import { describe, expect, it } from "vitest";

describe("a token layout", () => {
  // Four tokens over two codebooks of 8 and 4 codes.
  const layout: TokenLayout = { count: 4, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1, 1, 0) };

  it("bits per image", () => {
    expect(bitsPerImage(layout)).toBe(3 + 2 + 2 + 3);
    const paper = {
      count: 512,
      codebookSizes: new Array<number>(512).fill(16_384),
      groupOf: Int32Array.from(Array(512).keys()),
    };
    expect(bitsPerImage(paper)).toBe(7168);
    expect(bitsPerImage({ count: 1, codebookSizes: [3], groupOf: Int32Array.of(0) })).toBeCloseTo(1.584963, 6);
  });
  it("codebooks one after the other", () => {
    expect([...codebookOffsets(layout)]).toEqual([0, 8]);
    expect([...codebookOffsets({ codebookSizes: [3, 7, 2] })]).toEqual([0, 3, 10]);
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
      expect(isRevqError(error) && [error.code, error.fix, error.setting]).toEqual([
        "image-size",
        `Use images of ${use} pixels.`,
        { path: "data.imageSize", value: use },
      ]);
    }
  });
});

describe("a latent shape", () => {
  const shape = { channels: 32, height: 8, width: 4 };
  it("counts its elements and is written [c, h, w]", () => {
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

it("a quiet context reports nowhere and is never aborted", () => {
  const random = createRandom(1);
  const context = quietContext(random);
  expect(context.random).toBe(random);
  expect(context.report({ phase: "x", done: 0, total: 0 })).toBeUndefined();
  expect(context.signal.aborted).toBe(false);
});
