/** Ids, metrics, clicks and codes on the page, without a browser. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Codebook, TokenizerDescription } from "../src/protocol/messages.js";
import { codeOfLeastNorm, nearestTo } from "../src/page/code-search.js";
import { clampViewport, imageBox, zoomAt } from "../src/page/elements/viewport.js";
import { idsJson } from "@revq/tokenizer";
import { idsFromText, idsToJson } from "../src/page/ids-json.js";
import { chartsOf, parseMetrics } from "../src/page/metrics-file.js";
import { tokenRows } from "../src/page/token-rows.js";
import { actsOn } from "../src/page/token-text.js";
import { codeCounter, countsOfGroup, usageByGroup } from "../src/page/usage.js";

const groups = { codebookSizes: [3, 200], groupOf: [0, 1, 0, 1] };
/** Two groups of two tokens; token t decides element t of a [1, 2, 2] latent. */
const description = {
  name: "small",
  config: {} as never,
  backbone: "none",
  noImages: null,
  latentShape: [1, 2, 2],
  layout: { count: 4, codebookSizes: [3, 200], groupOf: Int32Array.of(0, 1, 0, 1) },
  vocabulary: {
    formatVersion: 1,
    form: "codes",
    size: 200,
    codes: 200,
    offsets: [0, 0, 0, 0],
    special: {},
    layout: {
      ...groups,
      tokens: 4,
      codebookOffsets: [0, 3],
      latentShape: [1, 2, 2],
      imageSize: null,
      grid: { shape: [2, 2, 1], patch: [1, 1], pixels: null, order: "row, column", positions: [0, 1, 2, 3] },
    },
  },
  bitsPerImage: 0,
  footprints: { starts: Int32Array.of(0, 1, 2, 3, 4), indices: Int32Array.of(0, 1, 2, 3) },
} as const satisfies TokenizerDescription;

describe("ids as text", () => {
  it("are what `revq encode` writes", () => {
    const ids = Int32Array.of(2, 199, 0, 7);
    const text = idsToJson(ids, "photo.jpg", description);
    expect(JSON.parse(text)).toEqual({
      tokens: 4,
      vocabulary: description.vocabulary,
      images: [{ name: "photo.jpg", ids: [2, 199, 0, 7] }],
    });
    expect(idsFromText(text, description)).toEqual(ids);
  });

  it.each([
    ["[2, 199, 0, 7]"],
    ["[[2, 199, 0, 7], [0, 0, 0, 0]]"],
    ["2, 199, 0, 7"],
    ["2 199 0 7\n"],
    // flat: every token has codes of its own, so token t starts at 0, 3, 203, 206
    ['{"offsetGroups": true, "images": [{"ids": [2, 202, 203, 213]}]}'],
    ['{"vocabulary": 406, "offsetGroups": false, "images": [{"ids": [2, 199, 0, 7]}]}'],
    // one vocabulary: groups start at 0 and 3
    [
      idsJson([{ name: "a", ids: [2, 202, 0, 10] }], {
        ...description.vocabulary,
        form: "groups",
        size: 203,
        codes: 203,
      }),
    ],
  ])("are read from %s", (text) => {
    expect(idsFromText(text, description)).toEqual(Int32Array.of(2, 199, 0, 7));
  });

  it.each([
    ["[1, 2, 3]", "ids-shape"],
    ["[3, 0, 0, 0]", "code-out-of-range"],
    ["[0, -1, 0, 0]", "code-out-of-range"],
    ["[0.5, 0, 0, 0]", "ids-malformed"],
    ["[4294967297, 0, 0, 0]", "ids-malformed"],
    ["4294967297, 0, 0, 0", "ids-malformed"],
    ['{"vocabulary": 405, "offsetGroups": false, "images": [{"ids": [2, 199, 0, 7]}]}', "ids-vocabulary"],
    ['{"vocabulary": {"form": "groups"}, "images": [{"ids": [2, 202, 0, 10]}]}', "ids-malformed"],
    ["[0,", "ids-malformed"],
    ["", "ids-malformed"],
    ["null", "ids-malformed"],
    ["<html>", "ids-malformed"],
  ])("are refused: %s", (text, code) => {
    expect(() => idsFromText(text, description)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe("metrics files", () => {
  const text = [
    '{"pass":1,"mse":0.4,"usage":1}',
    '{"epoch":1,"latentMse":{"train":{"quantized":0.3},"val":{"quantized":0.4}},"usage":0.9}',
    '{"epoch":2,"latentMse":{"train":{"quantized":0.2},"val":{"quantized":null}},"note":"x"}',
    '{"epoch":3,"latent',
  ].join("\n");

  it("become one chart a key and axis, one series a leaf; a last line that is cut off is left out", () => {
    const charts = chartsOf([{ name: "run", records: parseMetrics(text, "metrics.jsonl") }]);
    expect(charts).toEqual([
      {
        title: "latent mse",
        axis: "epoch",
        series: [
          { label: "train quantized", x: [1, 2], y: [0.3, 0.2] },
          { label: "val quantized", x: [1], y: [0.4] },
        ],
      },
      { title: "usage, by epoch", axis: "epoch", series: [{ label: "usage", x: [1], y: [0.9] }] },
      { title: "mse", axis: "pass", series: [{ label: "mse", x: [1], y: [0.4] }] },
      { title: "usage, by pass", axis: "pass", series: [{ label: "usage", x: [1], y: [1] }] },
    ]);
  });

  it("of two runs share charts, and the series carry the runs' names", () => {
    const records = parseMetrics('{"epoch":1,"mse":1}', "m");
    const [chart] = chartsOf(["A", "B"].map((name) => ({ name, records })));
    expect(chart!.series.map(({ label }) => label)).toEqual(["A", "B"]);
  });

  it("that are something else are refused with the line", () => {
    expect(() => parseMetrics('{"epoch":1}\nnot json\n', "log.jsonl")).toThrow(/log\.jsonl, line 2/);
  });
});

describe("usage", () => {
  it("counts hits by group, with perplexity 2^entropy", () => {
    const counts = new Int32Array(203);
    const counter = codeCounter(counts, description.layout);
    counter.add(Int32Array.of(0, 5, 1, 5));
    counter.add(Int32Array.of(0, 6, 1, 5));
    expect([...countsOfGroup(counts, description.layout.codebookSizes, 0)]).toEqual([2, 2, 0]);
    const [first, second] = usageByGroup(counts, description.layout.codebookSizes);
    expect(first).toEqual({ group: 0, codes: 3, used: 2, hits: 4, perplexity: 2 });
    expect(second!.used).toBe(2);
    // 3/4 and 1/4: 2 - 3/4 log2 3 bits
    expect(second!.perplexity).toBeCloseTo(2 ** (2 - 0.75 * Math.log2(3)), 12);
  });
});

describe("code search on the page", () => {
  const codebook: Codebook = {
    group: 0,
    dim: 2,
    vectors: Float32Array.of(3, 4, 0, 0.5, 3, 3, -1, 0),
    map: new Float32Array(8),
    explained: [1, 0],
  };

  it("finds the nearest other codes, nearest first", () => {
    expect(nearestTo(codebook, 0, 2)).toEqual([
      { code: 2, distance: 1 },
      { code: 1, distance: Math.sqrt(9 + 3.5 ** 2) },
    ]);
    expect(nearestTo(codebook, 0, 10).map(({ code }) => code)).toEqual([2, 1, 3]);
    expect(codeOfLeastNorm(codebook)).toBe(1);
  });
});

describe("the token grid", () => {
  const tokensOf = (rows: ReturnType<typeof tokenRows>): number[][] => rows.map(({ tokens }) => [...tokens]);

  it("has a row a group where groups have several tokens", () => {
    expect(tokensOf(tokenRows(description))).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it("has a row a channel where every token has a group of its own", () => {
    const own = {
      ...description,
      latentShape: [2, 1, 2] as const,
      layout: { count: 4, codebookSizes: [2, 2, 2, 2], groupOf: Int32Array.of(0, 1, 2, 3) },
    };
    expect(tokensOf(tokenRows(own))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(tokenRows(own)[1]!.label).toBe("channel 1");
  });

  it("shows every token once, whatever the layout", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 40 }), (tokens, groups) => {
        const used = Math.min(groups, tokens);
        const rows = tokenRows({
          ...description,
          latentShape: [1, 1, tokens],
          layout: {
            count: tokens,
            codebookSizes: new Array<number>(used).fill(4),
            groupOf: Int32Array.from({ length: tokens }, (_, t) => t % used),
          },
          footprints: {
            starts: Int32Array.from({ length: tokens + 1 }, (_, t) => t),
            indices: Int32Array.from({ length: tokens }, (_, t) => t),
          },
        });
        const all = tokensOf(rows).flat();
        expect(all.length).toBe(tokens);
        expect(new Set(all).size).toBe(tokens);
        expect(Math.max(...rows.map((row) => row.tokens.length))).toBeLessThanOrEqual(64);
      }),
    );
  });

  it("says where a token acts", () => {
    // [c, h, w] = [2, 4, 4]: channel 1, rows 2 and 3, columns 0 and 1
    expect(actsOn(Int32Array.of(24, 25, 28, 29), [2, 4, 4])).toBe(
      "Decides 4 elements: channel 1, row 2–3, column 0–1.",
    );
  });
});

describe("the viewport", () => {
  const viewport = fc
    .record({
      zoom: fc.double({ min: 1, max: 32, noNaN: true }),
      x: fc.double({ min: 0, max: 1, noNaN: true }),
      y: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(clampViewport);

  it("always covers its box with the image", () => {
    fc.assert(
      fc.property(viewport, (value) => {
        const { left, top, side } = imageBox(value, 300);
        for (const edge of [left, top]) {
          expect(edge).toBeLessThanOrEqual(1e-6);
          expect(edge + side).toBeGreaterThanOrEqual(300 - 1e-6);
        }
      }),
    );
  });

  it("keeps the point under the pointer when zooming in", () => {
    fc.assert(
      fc.property(viewport, fc.nat(300), fc.nat(300), (before, px, py) => {
        const after = zoomAt(before, 1.5, px, py, 300);
        if (before.zoom * 1.5 > 32) return;
        const at = (value: typeof before): number[] => {
          const { left, top, side } = imageBox(value, 300);
          return [(px - left) / side, (py - top) / side];
        };
        at(after).forEach((value, i) => expect(value).toBeCloseTo(at(before)[i]!, 6));
      }),
    );
  });
});
