/** The first screen: its line, its facts, its title, and results of the build until computed ones are there. */
import type { DecodedImage } from "@revq/tokenizer";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cardLefts, cardSize, cardText } from "../src/page/actions/card.js";
import { openTokenizer } from "../src/page/actions/tokenizers.js";
import { App } from "../src/page/app.js";
import { size } from "../src/page/format.js";
import { rovingTarget } from "../src/page/roving.js";
import {
  initialState,
  nothingEncoded,
  type ImageEntry,
  type OpenedTokenizer,
  type ViewerState,
} from "../src/page/state.js";
import { headline, storyOf, timesSmaller, titleOf } from "../src/page/story.js";
import type { Call } from "../src/protocol/client.js";

afterEach(() => vi.unstubAllGlobals());

const picture = (value: number): DecodedImage => ({
  width: 1,
  height: 1,
  data: Uint8ClampedArray.of(value, 0, 0, 255),
});
const paint = {
  image: "dog.jpg",
  credit: "",
  side: 256,
  tokens: 1024,
  bits: 10240,
  psnr: 32.14,
  vaePsnr: 39.4,
  original: picture(1),
  rectified: picture(2),
  map: picture(3),
};
const dog: ImageEntry = {
  id: "sample-dog.jpg",
  name: "dog.jpg",
  url: "",
  blob: null,
  origin: "sample",
  credit: null,
  featured: true,
};
const own: ImageEntry = { ...dog, id: "own-1", origin: "own" };

function opened(change: Partial<OpenedTokenizer> = {}): OpenedTokenizer {
  const description = {
    name: "tiny",
    layout: { count: 1024 },
    bitsPerImage: 10240,
    config: { imageSize: 256 },
  } as OpenedTokenizer["description"];
  return {
    status: "ready",
    description,
    encoded: nothingEncoded(dog.id),
    busy: true,
    decoding: false,
    problem: null,
    ...change,
  } as OpenedTokenizer;
}

const state: ViewerState = { ...initialState, paint, images: [dog, own], image: dog.id };

describe("the first screen", () => {
  it("says bytes before bits", () => {
    const story = storyOf(state, null)!;
    expect(headline(story)).toBe("Your photo as 1,024 tokens: 1.25 KB instead of 192 KB");
    expect(timesSmaller(story)).toBe("154");
    expect(story.bitsPerPixel).toBe(0.15625);
    expect([size(128), size(1279.5), size(3 * 2 ** 20)]).toEqual(["128 bytes", "1.25 KB", "3 MB"]);
  });

  it("shows results of the build, and computed ones as they come", () => {
    const loading = storyOf(state, null)!;
    expect(loading).toMatchObject({ map: paint.map, psnr: 32.14, vaePsnr: 39.4, preliminary: true });
    const rectified = { image: picture(9), metrics: { psnr: 31, ssim: 0.9 } };
    const half = storyOf(state, opened({ encoded: { ...nothingEncoded(dog.id), stages: { rectified } } }))!;
    expect(half).toMatchObject({ psnr: 31, vaePsnr: 39.4, preliminary: true });
    expect(half.stages.rectified).toBe(rectified);
    expect(half.stages.original!.image).toBe(paint.original);
    const done = storyOf(
      state,
      opened({ encoded: { ...nothingEncoded(dog.id), stages: { rectified } }, busy: false }),
    )!;
    expect(done).toMatchObject({ psnr: 31, vaePsnr: undefined, preliminary: false });
  });

  it("never shows results of the build for another image, another state or an error", () => {
    expect(storyOf({ ...state, image: own.id }, opened({ encoded: nothingEncoded(own.id) }))!.preliminary).toBe(false);
    const problem = { code: "x", message: "", fix: null };
    expect(storyOf(state, opened({ problem }))!.preliminary).toBe(false);
    expect(storyOf(state, opened({ encoded: nothingEncoded(null, Int32Array.of(1)) }))!.preliminary).toBe(false);
    expect(storyOf({ ...state, paint: null }, null)).toBeNull();
  });

  it("shows results of the build while its own tokenizer loads, not while another one does", () => {
    vi.stubGlobal("location", new URL("https://example.org/"));
    const source = (name: string) =>
      ({ kind: "url", name, url: `https://example.org/${name}/`, weights: null }) as const;
    const app = new App((() => new Promise(() => {})) as unknown as Call);
    app.store.set({ ...state, bundled: [{ source: source("tiny"), tokens: 1024, bits: 10_240 }] });
    void openTokenizer(app, "a", source("tiny"));
    expect(storyOf(app.store.state, null)).toMatchObject({ preliminary: true });
    void openTokenizer(app, "b", source("few-bits"));
    expect(storyOf(app.store.state, null)).toMatchObject({ preliminary: true });
    void openTokenizer(app, "a", source("few-bits"));
    expect(storyOf(app.store.state, null)).toBeNull();
  });

  it("fits a card of 1200 x 630", () => {
    expect(cardText(storyOf(state, null)!)).toEqual({
      title: "A photo as 1,024 tokens",
      facts: "1.25 KB instead of 192 KB · 154 × smaller · 32.14 dB · 0.156 bits per pixel",
    });
    const lefts = cardLefts();
    expect(lefts.map((left, i) => left - (lefts[i - 1] ?? -376) - 376)).toEqual([18, 18, 18]);
    expect(lefts[2]! + 376).toBeLessThanOrEqual(cardSize.width - 18);
  });

  it("has a title that follows", () => {
    expect(titleOf(state)).toBe("Your photo as 1,024 tokens: 1.25 KB instead of 192 KB · revq");
    const a = opened();
    expect(titleOf({ ...state, a })).toBe("dog.jpg as 1,024 tokens · tiny · revq");
    expect(titleOf({ ...state, a, tab: "tokens", image: null })).toBe("Tokens of pasted ids · tiny · revq");
  });
});

it("goes through a list of buttons by keys, as one tab stop", () => {
  expect(["ArrowRight", "ArrowLeft", "End", "Home", "x"].map((key) => rovingTarget(key, 1, 5))).toEqual([
    2,
    0,
    4,
    0,
    null,
  ]);
  expect(rovingTarget("ArrowRight", 4, 5)).toBe(4);
  expect(rovingTarget("ArrowLeft", 0, 5)).toBe(0);
});
