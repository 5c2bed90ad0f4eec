/** Painting with tokens: strokes copy or zero the tokens that they touch, and each is undone as one. */
import { expect, it } from "vitest";
import { applyIds, undoEdit } from "../src/page/actions/edits.js";
import { endStroke, startPainting, strokeTo } from "../src/page/actions/paint.js";
import { paintFrom } from "../src/page/actions/second-photo.js";
import { App } from "../src/page/app.js";
import { nothingEncoded, openedOf, type ImageEntry, type OpenedTokenizer } from "../src/page/state.js";
import type { Call } from "../src/protocol/client.js";

const other: ImageEntry = {
  id: "two",
  name: "two.png",
  url: "",
  blob: new Blob(["x"]),
  origin: "own",
  credit: null,
  featured: true,
};

/** Four tokens, one for each quarter of the picture; the codes of the other photo are 7. */
function page(): App {
  const report = { map: null, tokenErrors: null, latentMse: null };
  const answers: Record<string, unknown> = {
    encode: { milliseconds: 1 },
    decode: { images: [{ stage: "rectified", image: null, metrics: null }], report },
    codebook: { group: 0, dim: 1, vectors: Float32Array.of(5, 0, 3), map: new Float32Array(6), explained: [1, 0] },
  };
  const call = async (name: string, _: unknown, options?: { onEvent?: (event: unknown) => void }): Promise<unknown> => {
    if (name === "encode") options?.onEvent?.({ kind: "tokens", tokens: { ids: Int32Array.of(7, 7, 7, 7) } });
    return answers[name];
  };
  const app = new App(call as unknown as Call);
  const ids = Int32Array.of(2, 2, 2, 2);
  const layout = { count: 4, codebookSizes: [8], groupOf: new Int32Array(4) };
  const footprints = { starts: Int32Array.of(0, 1, 2, 3, 4), indices: Int32Array.of(0, 1, 2, 3) };
  const description = { layout, footprints, latentShape: [1, 2, 2], noImages: null };
  const encoded = { ...nothingEncoded("one", ids), tokens: { ids } };
  const a = { status: "ready", description, encoded, codebooks: new Map() } as unknown as OpenedTokenizer;
  app.store.set({ a, images: [other] });
  return app;
}

const shown = (app: App): number[] => [...openedOf(app.store.state, "a")!.encoded!.current!];

it("copies the tokens of another photo under the stroke, and takes it back", async () => {
  const app = page();
  startPainting(app, "copy");
  strokeTo(app, "a", 0.1, 0.1);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([2, 2, 2, 2]); // no photo was chosen
  await paintFrom(app, "a", "two");
  strokeTo(app, "a", 0.1, 0.1);
  strokeTo(app, "a", 0.9, 0.1);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([7, 7, 2, 2]);
  startPainting(app, "zero");
  strokeTo(app, "a", 0.1, 0.9);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([7, 7, 1, 2]); // code 1 is nearest to the mean
  await undoEdit(app, "a");
  expect(shown(app)).toEqual([7, 7, 2, 2]);
  await undoEdit(app, "a");
  expect(shown(app)).toEqual([2, 2, 2, 2]);
  expect(openedOf(app.store.state, "a")!.encoded!.edited).toBeNull();
  await undoEdit(app, "a");
  expect(shown(app)).toEqual([2, 2, 2, 2]);
});

it("swaps tokens between two photos, and takes both halves back", async () => {
  const app = page();
  startPainting(app, "swap");
  await paintFrom(app, "a", "two");
  strokeTo(app, "a", 0.1, 0.1);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([7, 2, 2, 2]);
  expect([...app.store.state.brush!.ids!]).toEqual([2, 7, 7, 7]);
  strokeTo(app, "a", 0.1, 0.1);
  strokeTo(app, "a", 0.9, 0.9);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([2, 2, 2, 7]);
  expect([...app.store.state.brush!.ids!]).toEqual([7, 7, 7, 2]);
  await undoEdit(app, "a");
  expect(shown(app)).toEqual([7, 2, 2, 2]);
  expect([...app.store.state.brush!.ids!]).toEqual([2, 7, 7, 7]);
  await undoEdit(app, "a");
  expect(shown(app)).toEqual([2, 2, 2, 2]);
  expect([...app.store.state.brush!.ids!]).toEqual([7, 7, 7, 7]);
});

it("blends tokens: the code nearest to the middle between two photos", async () => {
  const app = page();
  // Codes lie on a line; 2 is at 0, 7 at 10, so their middle is at 5, nearest to code 4.
  const vectors = Float32Array.of(-9, -8, 0, 1, 4.6, 6, 9, 10);
  const codebooks = new Map([
    [0, { group: 0, dim: 1, vectors, map: new Float32Array(16), explained: [1, 0] as const }],
  ]);
  app.store.setOpened("a", () => ({ codebooks }));
  startPainting(app, "blend");
  await paintFrom(app, "a", "two");
  strokeTo(app, "a", 0.1, 0.1);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([4, 2, 2, 2]);
  strokeTo(app, "a", 0.1, 0.1);
  await endStroke(app, "a");
  expect(shown(app)).toEqual([5, 2, 2, 2]); // further: the middle of 4.6 and 10 is 7.3, nearest to 6
  await undoEdit(app, "a");
  expect(shown(app)).toEqual([4, 2, 2, 2]);
});

it("keeps no step for ids that change nothing", async () => {
  const app = page();
  await applyIds(app, "a", Int32Array.of(2, 2, 2, 2));
  expect(openedOf(app.store.state, "a")!.encoded!.history).toEqual([]);
});
