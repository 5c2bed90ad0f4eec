/** The vocabulary of ids, against closed forms. */
import { multigroup } from "@revq/quantizer-multigroup";
import { vq } from "@revq/quantizer-vq";
import { describe, expect, it } from "vitest";
import { createVocabulary, jsonText, vocabularySchema } from "../src/index.js";
import { small, tokensOf } from "./described-tokens.js";

describe("a vocabulary", () => {
  const tokens = tokensOf(
    multigroup,
    { tokens: 1024, codes: 1024, groups: 8, split: "channel" },
    {
      channels: 8,
      height: 32,
      width: 32,
    },
  );

  it("is as large as all codebooks, or as all positions, or as the largest codebook", () => {
    const sizes = (["codes", "groups", "positions"] as const).map((form) => createVocabulary(tokens, form).size);
    expect(sizes).toEqual([1024, 8 * 1024, 1024 * 1024]);
    const { offsets, layout } = createVocabulary(tokens, "groups");
    expect(offsets.slice(0, 9)).toEqual([0, 1024, 2048, 3072, 4096, 5120, 6144, 7168, 0]);
    expect(layout.codebookOffsets).toEqual([0, 1024, 2048, 3072, 4096, 5120, 6144, 7168]);
    expect(layout.groupOf).toEqual(Array.from({ length: 1024 }, (_, t) => t % 8));
    expect(createVocabulary(tokensOf(vq, {}, small), "groups").size).toBe(1024);
  });

  it("reserves special ids behind the codes, in the order given", () => {
    const reserve = [
      { name: "bos", count: 1 },
      { name: "mask", count: 1 },
      { name: "classes", count: 1000 },
    ];
    const { codes, size, special } = createVocabulary(tokens, "groups", reserve);
    expect([codes, size]).toEqual([8192, 8192 + 1002]);
    expect(special).toEqual({
      bos: { first: 8192, count: 1 },
      mask: { first: 8193, count: 1 },
      classes: { first: 8194, count: 1000 },
    });
    expect(createVocabulary(tokens, "codes", reserve).special["bos"]).toEqual({ first: 1024, count: 1 });
  });

  it.each([
    [[{ name: "BOS", count: 1 }]],
    [[{ name: "bos", count: 0 }]],
    [[{ name: "bos", count: 1.5 }]],
    [[{ name: "", count: 1 }]],
    [
      [
        { name: "bos", count: 1 },
        { name: "bos", count: 1 },
      ],
    ],
  ])("refuses to reserve %j", (reserve) => {
    expect(() => createVocabulary(tokens, "groups", reserve)).toThrow(
      expect.objectContaining({ code: "reserved-ids" }) as Error,
    );
  });

  it("has at most 2^31 ids", () => {
    const max = 2 ** 31 - 8192;
    expect(createVocabulary(tokens, "groups", [{ name: "x", count: max }]).size).toBe(2 ** 31);
    expect(() => createVocabulary(tokens, "groups", [{ name: "x", count: max + 1 }])).toThrow(/2\^31/);
  });

  it("is JSON that comes back, with lists of numbers on one line", () => {
    const vocabulary = createVocabulary(tokens, "positions", [{ name: "constructor", count: 2 }]);
    const text = jsonText(vocabulary);
    expect(vocabularySchema.parse(JSON.parse(text))).toEqual(vocabulary);
    expect(text.split("\n").length).toBeLessThan(40);
  });
});

describe("jsonText", () => {
  it.each([
    [{ a: [1, -2.5, 3e-7], b: [], c: [[1], [2, 3]], d: ["[1, 2]", 3], e: [{ f: [0] }], g: null }],
    ["[\n 1,\n 2\n]"],
    [[]],
  ])("says the same as JSON.stringify: %j", (value) => {
    expect(JSON.parse(jsonText(value))).toEqual(value);
  });
});
