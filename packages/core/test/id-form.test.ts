/** The forms of ids, against values worked out by hand. */
import {
  checkIds,
  codesToIds,
  idFormsOf,
  idForms,
  idsToCodes,
  sharedTokenLayout,
  vocabularyOffsets,
  vocabularySize,
  type RevqError,
  type TokenLayout,
} from "@revq/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Four tokens over two codebooks of 8 and 4 codes. */
const layout: TokenLayout = { count: 4, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1, 1, 0) };
/** The paper's: a codebook for every token. */
const own: TokenLayout = { count: 3, codebookSizes: [5, 5, 5], groupOf: Int32Array.of(0, 1, 2) };

function errorOf(run: () => unknown): RevqError {
  try {
    run();
  } catch (error) {
    return error as RevqError;
  }
  return expect.unreachable();
}

describe("the vocabulary of a form", () => {
  it("codes: no offsets; as large as the largest codebook", () => {
    expect(vocabularySize(layout, "codes")).toBe(8);
    expect([...vocabularyOffsets(layout, "codes")]).toEqual([0, 0, 0, 0]);
  });

  it("groups: codebooks one after the other; the sum of their sizes", () => {
    expect(vocabularySize(layout, "groups")).toBe(12);
    expect([...vocabularyOffsets(layout, "groups")]).toEqual([0, 8, 8, 0]);
    expect(vocabularySize(sharedTokenLayout(256, 1024), "groups")).toBe(1024);
  });

  it("positions: every token has ids of its own, t * K + code where all have K codes", () => {
    expect(vocabularySize(layout, "positions")).toBe(24);
    expect([...vocabularyOffsets(layout, "positions")]).toEqual([0, 8, 12, 16]);
    const equal: TokenLayout = { count: 3, codebookSizes: [5, 5], groupOf: Int32Array.of(0, 1, 0) };
    expect([...vocabularyOffsets(sharedTokenLayout(3, 5), "positions")]).toEqual([0, 5, 10]);
    expect([...vocabularyOffsets(equal, "positions")]).toEqual([0, 5, 10]);
    expect(vocabularySize(sharedTokenLayout(256, 1024), "positions")).toBe(262_144);
  });

  it("groups and positions are the same where every token has a codebook", () => {
    expect(vocabularyOffsets(own, "groups")).toEqual(vocabularyOffsets(own, "positions"));
  });

  it("is refused where int32 cannot hold it", () => {
    const large = sharedTokenLayout(2 ** 12, 2 ** 20);
    expect(vocabularySize(large, "groups")).toBe(2 ** 20);
    const error = errorOf(() => vocabularyOffsets(large, "positions"));
    expect([error.code, error.setting]).toEqual(["vocabulary-too-large", { path: "ids.form", value: "codes" }]);
    expect(vocabularySize(sharedTokenLayout(2 ** 11, 2 ** 20), "positions")).toBe(2 ** 31);
  });
});

describe("ids", () => {
  it("are codes with the offset of their token, two images", () => {
    const codes = Int32Array.of(7, 3, 0, 1, 0, 0, 3, 7);
    expect([...codesToIds(codes, layout, "codes")]).toEqual([7, 3, 0, 1, 0, 0, 3, 7]);
    expect([...codesToIds(codes, layout, "groups")]).toEqual([7, 11, 8, 1, 0, 8, 11, 7]);
    expect([...codesToIds(codes, layout, "positions")]).toEqual([7, 11, 12, 17, 0, 8, 15, 23]);
  });

  it("come back from every form, for any layout", () => {
    const layouts = fc
      .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
      .chain((codebookSizes) =>
        fc
          .array(fc.nat(codebookSizes.length - 1), { minLength: 1, maxLength: 7 })
          .map((groupOf): TokenLayout => ({ count: groupOf.length, codebookSizes, groupOf: Int32Array.from(groupOf) })),
      );
    fc.assert(
      fc.property(layouts, fc.integer({ min: 0, max: 3 }), fc.nat(1000), (any, images, seed) => {
        const codes = Int32Array.from({ length: images * any.count }, (_, i) => {
          return (seed * 31 + i * 7) % any.codebookSizes[any.groupOf[i % any.count]!]!;
        });
        for (const form of idForms) {
          const ids = codesToIds(codes, any, form);
          expect(idsToCodes(ids, any, form)).toEqual(codes);
          expect(idFormsOf(ids, any)).toContain(form);
          for (const id of ids) expect(id).toBeLessThan(vocabularySize(any, form));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("of another form are refused, and the error names that form", () => {
    const codes = Int32Array.of(7, 3, 0, 1);
    const read = (written: "groups" | "positions" | "codes", as: "groups" | "positions" | "codes"): RevqError =>
      errorOf(() => idsToCodes(codesToIds(codes, layout, written), layout, as));
    for (const [written, as] of [
      ["groups", "codes"],
      ["positions", "codes"],
      ["codes", "groups"],
      ["positions", "groups"],
      ["codes", "positions"],
      ["groups", "positions"],
    ] as const) {
      const error = read(written, as);
      expect([error.code, error.setting]).toEqual(["code-out-of-range", { path: "ids.form", value: written }]);
      expect(error.message).toContain(`form "${written}"`);
    }
    expect(read("groups", "codes").message).toBe(
      'Image 0, token 1: id 11 is outside 0 … 3 of the form "codes". All ids fit the form "groups".',
    );
  });

  it("of no form are refused without a guess", () => {
    const error = errorOf(() => checkIds(Int32Array.of(0, 0, 0, 0, 99, 0, 0, 0), layout));
    expect(error.message).toBe('Image 1, token 0: id 99 is outside 0 … 7 of the form "codes".');
    expect(error.setting).toBeUndefined();
    expect(errorOf(() => checkIds(Int32Array.of(-1, 0, 0, 0), layout)).code).toBe("code-out-of-range");
    expect(idFormsOf(Int32Array.of(99, 0, 0, 0), layout)).toEqual([]);
  });
});
