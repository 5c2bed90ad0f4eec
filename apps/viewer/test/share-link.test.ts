/** Links restore their state. Damaged links break nothing. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stages } from "../src/protocol/messages.js";
import { decodeIds, encodeIds, readHash, writeHash, type Shared } from "../src/page/share-link.js";
import { clampViewport } from "../src/page/elements/viewport.js";
import { gridColourings, initialState, tabs } from "../src/page/state.js";

const thousandths = fc.integer({ min: 0, max: 1000 }).map((value) => value / 1000);

const shared: fc.Arbitrary<Shared> = fc.record({
  tab: fc.constantFrom(...tabs),
  image: fc.option(fc.string({ minLength: 1 })),
  ids: fc.option(fc.array(fc.nat(2 ** 31 - 1), { minLength: 1 }).map((ids) => Int32Array.from(ids))),
  edits: fc.array(fc.tuple(fc.nat(4096), fc.nat(262_143))),
  token: fc.option(fc.nat(4096)),
  group: fc.nat(512),
  colouring: fc.constantFrom(...gridColourings),
  active: fc.constantFrom("a", "b"),
  view: fc.record({
    stages: fc.boolean(),
    left: fc.constantFrom(...stages),
    right: fc.constantFrom(...stages),
    split: thousandths,
    viewport: fc.record({ zoom: fc.integer({ min: 2, max: 32 }), x: thousandths, y: thousandths }).map(clampViewport),
    errors: fc.constant(true),
    gain: fc.integer({ min: 1, max: 16 }),
  }),
});

describe("share links", () => {
  it("come back as they were, to a thousandth", () => {
    fc.assert(
      fc.property(shared, (value) => {
        const back = readHash(`#${writeHash(value)}`);
        expect({ ...back, view: null }).toEqual({ ...value, view: null });
        const { viewport, ...rest } = back.view;
        const { viewport: expected, ...expectedRest } = value.view;
        expect(rest).toEqual(expectedRest);
        for (const key of ["zoom", "x", "y"] as const)
          expect(Math.abs(viewport[key] - expected[key])).toBeLessThanOrEqual(0.001);
      }),
    );
  });

  it("of the initial state are empty", () => {
    const { tab, token, group, colouring, active, view } = initialState;
    expect(writeHash({ tab, token, group, colouring, active, view, image: null, ids: null, edits: [] })).toBe("");
  });

  it("hold ids as base64url of base-128 numbers", () => {
    // 1, 127 are one byte; 128 is 0x80 0x01, 300 is 0xac 0x02 (the varints of protocol buffers)
    expect(Buffer.from(encodeIds(Int32Array.of(1, 127, 128, 300)), "base64url").toString("hex")).toBe("017f8001ac02");
  });

  it("that are no links of ours change nothing", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { view, tab } = readHash(`#${text}&tab=elsewhere&zoom=NaN_2_3&split=7&errors=-1&ids=%00`);
        expect([view, tab]).toEqual([expect.objectContaining({ split: 0.5 }), expect.any(String)]);
        expect(() => decodeIds(text)).not.toThrow();
      }),
    );
    expect(decodeIds("gA")).toBeNull(); // 0x80 says that more follows
    expect(decodeIds("_____w")).toBeNull();
  });
});
