/** Links keep what they show: tokenizers, image, ids, edits. */
import { describe, expect, it } from "vitest";
import { linkOf } from "../src/page/actions/downloads.js";
import { hashOf, queryOf, restoreContent } from "../src/page/actions/share.js";
import { hostOf } from "../src/page/actions/tokenizers.js";
import { App } from "../src/page/app.js";
import { readHash } from "../src/page/share-link.js";
import {
  initialState,
  nothingEncoded,
  openedOf,
  type ImageEntry,
  type OpenedTokenizer,
  type ViewerState,
} from "../src/page/state.js";
import type { EncodedTokens } from "../src/protocol/messages.js";
import type { Call } from "../src/protocol/client.js";

const count = 100;
const page = "https://example.org/viewer/";
const sample: ImageEntry = {
  id: "sample-dog.jpg",
  name: "dog.jpg",
  url: "",
  blob: new Blob(["x"]),
  origin: "sample",
  credit: null,
  featured: true,
};
const cat: ImageEntry = { ...sample, id: "sample-cat.jpg", name: "cat.jpg" };
const own: ImageEntry = { ...sample, id: "own-1", name: "me.jpg", origin: "own" };
const exact = new Int32Array(count);

function opened(url: string, ids: Int32Array = exact, image = sample.id): OpenedTokenizer {
  const layout = { count, codebookSizes: [16], groupOf: new Int32Array(count) };
  const footprints = { starts: new Int32Array(count + 1), indices: new Int32Array() };
  return {
    status: "ready",
    source: { kind: "url", name: url.split("/").at(-2) ?? url, url, weights: null },
    description: {
      name: "t",
      layout,
      footprints,
      latentShape: [1, 1, 1],
      backbone: "b",
      noImages: null,
      config: { imageSize: 8 },
    },
    encoded: { ...nothingEncoded(image, ids), tokens: { ids: exact } as EncodedTokens },
    counted: new Set(),
    counts: new Int32Array(16),
  } as unknown as OpenedTokenizer;
}

const changed = (edits: number): Int32Array => exact.map((_, t) => (t < edits ? 3 : 0));
const state = (a: OpenedTokenizer, image = sample.id): ViewerState => ({
  ...initialState,
  images: [cat, sample, own],
  image,
  a,
});

describe("the address", () => {
  it("holds both tokenizers, except the one that opens by itself", () => {
    const embedded = `${page}tokenizer/`;
    const a = opened("https://a.org/one/");
    const b = opened("hf:owner/two");
    expect(queryOf({ ...state(a), b }, "?engine=wasm", embedded)).toBe(
      "?engine=wasm&tokenizer=https://a.org/one/&compare=hf:owner/two",
    );
    expect(queryOf(state(opened(embedded)), "?tokenizer=x", embedded)).toBe("");
    const served = { local: true, tokenizers: [a.source] };
    expect(queryOf({ ...state(a), served }, "", embedded)).toBe("");
  });

  it.each([
    [1, false],
    [64, false],
    [65, true],
    [count, true],
  ])("holds the image beside %i edits", (edits, asIds) => {
    const shared = readHash(hashOf(state(opened("https://a.org/one/", changed(edits)))));
    expect(shared.image).toBe("dog.jpg");
    expect([shared.edits.length, shared.ids?.length ?? 0]).toEqual(asIds ? [0, count] : [edits, 0]);
  });

  it("holds the ids and the name of an own image", () => {
    const shared = readHash(hashOf(state(opened("https://a.org/one/", exact, own.id), own.id)));
    expect([shared.image, shared.ids?.length]).toEqual(["me.jpg", count]);
  });
});

it("names the host of a stranger's tokenizer", () => {
  const source = (url: string) => ({ kind: "url", name: "t", url, weights: null }) as const;
  expect(hostOf(source("https://a.org/t/"), page)).toBe("a.org");
  expect(hostOf(source("hf:o/n"), page)).toBe("huggingface.co");
  expect(hostOf(source(`${page}tokenizer/`), page)).toBeNull();
  expect(hostOf({ kind: "files", name: "t", files: [], weights: [] }, page)).toBeNull();
});

describe("a link", () => {
  /** Restores a hash on a fresh page whose worker encodes every image to zeros. */
  async function restored(hash: string, images: readonly ImageEntry[] = [cat, sample]): Promise<App> {
    const call = async (
      name: string,
      _: unknown,
      options?: { onEvent?: (event: unknown) => void },
    ): Promise<unknown> => {
      if (name === "encode") options?.onEvent?.({ kind: "tokens", tokens: { ids: exact } });
      const report = { map: null, tokenErrors: null, latentMse: null };
      return name === "decode"
        ? { images: [{ stage: "rectified", image: null, metrics: null }], report }
        : { milliseconds: 1 };
    };
    const app = new App(call as unknown as Call);
    app.store.set({ images, a: { ...opened("https://a.org/one/"), encoded: null } });
    await restoreContent(app, readHash(hash));
    return app;
  }
  const shown = (app: App): { image: string | null; edits: number } => ({
    image: app.store.state.image,
    edits: openedOf(app.store.state, "a")!.encoded!.current!.filter((id) => id !== 0).length,
  });

  it.each([3, 80])("restores the image and %i edits", async (edits) => {
    const app = await restored(hashOf(state(opened("https://a.org/one/", changed(edits)))));
    expect(shown(app)).toEqual({ image: sample.id, edits });
    expect(app.store.state.notices).toEqual([]);
  });

  it("says that its image is not there, and edits no other", async () => {
    const app = await restored("image=gone.jpg&edits=0.3_1.3");
    expect(shown(app)).toEqual({ image: cat.id, edits: 0 });
    expect(app.store.state.notices.map(({ text }) => text)).toEqual(["The link's image gone.jpg is not here."]);
  });

  it("shows the tokens of an image that is not there", async () => {
    const app = await restored(hashOf(state(opened("https://a.org/one/", changed(5), own.id), own.id)));
    expect(shown(app)).toEqual({ image: null, edits: 5 });
    expect(app.store.state.notices[0]!.text).toContain("tokens of me.jpg");
  });

  it("of revq view works on this computer alone, or leads to the hosted page", () => {
    const local = { local: true, tokenizers: [] };
    const address = "http://127.0.0.1:5000/";
    const bundled = { ...state(opened(`${address}tokenizer/`)), served: local };
    expect(linkOf(bundled, address, "")).toMatchObject({
      link: expect.stringMatching(/^http:\/\/127/) as string,
      note: expect.stringContaining("on this computer alone") as string,
    });
    expect(linkOf(bundled, address, page).link).toBe(`${page}#image=dog.jpg`);
    const mine = { ...state(opened(`${address}tokenizers/0/`)), served: local };
    expect(linkOf(mine, address, page).link).toMatch(/^http:\/\/127/);
    const hub = { ...state(opened("hf:o/n")), served: local };
    expect(linkOf(hub, address, page).link).toBe(`${page}?tokenizer=hf%3Ao%2Fn#image=dog.jpg`);
    expect(linkOf(state(opened("hf:o/n")), page, page).note).toBe("Link copied.");
  });
});
