/** What screen readers are told, and that the page explains its words as the documents do. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { liveLine } from "../src/page/live-line.js";
import {
  initialState,
  nothingEncoded,
  type OpenedTokenizer,
  type StageImage,
  type ViewerState,
} from "../src/page/state.js";
import { glossary } from "../src/page/views/glossary.js";

function state(change: Partial<OpenedTokenizer>, rest: Partial<ViewerState> = {}): ViewerState {
  const description = { layout: { groupOf: Int32Array.of(0, 1) } } as OpenedTokenizer["description"];
  const encoded = { ...nothingEncoded("one", Int32Array.of(5, 7)), milliseconds: 1500 };
  const a = { status: "ready", description, encoded, busy: false, decoding: false, ...change } as OpenedTokenizer;
  return { ...initialState, a, ...rest };
}

describe("the live line", () => {
  it("says what runs, what has ended, and the token that is looked at", () => {
    expect(liveLine(initialState)).toBe("");
    expect(liveLine(state({ busy: true }))).toBe("Encoding the image.");
    expect(liveLine(state({ decoding: true }))).toBe("Decoding the tokens.");
    expect(liveLine(state({}))).toBe("Ready after 1.5 s.");
    const rectified = { metrics: { psnr: 30.5, ssim: 1 } } as StageImage;
    const edited = { ...nothingEncoded("one", Int32Array.of(5, 8)), edited: { rectified } };
    expect(liveLine(state({ encoded: edited }))).toBe("Decoded. 30.50 decibels.");
    expect(liveLine(state({}, { tab: "tokens", token: 1 }))).toBe("Token 1, group 1, code 7.");
  });
});

it("explains only words that the glossary has", async () => {
  const text = (await readFile(new URL("../../../docs/glossary.md", import.meta.url), "utf8")).toLowerCase();
  for (const word of Object.keys(glossary)) expect(text, word).toContain(word.toLowerCase());
});
