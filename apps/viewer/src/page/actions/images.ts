/** Actions on images: add, choose, encode with the open tokenizers, count codes over all images. */
import { RevqError } from "@revq/core";
import { slots, type Slot } from "../../protocol/messages.js";
import { isAbort, toProblem, type App } from "../app.js";
import { nothingEncoded, openedOf, type Encoded, type ImageEntry, type OpenedTokenizer } from "../state.js";
import { pixelsOf } from "../first-paint.js";
import { codeCounter } from "../usage.js";
import { fetchImage } from "./fetch-image.js";
import { applyIds } from "./edits.js";

let nextOwn = 1;

/** Adds the user's own images and shows the first of them. Nothing leaves this computer. */
export async function addImages(app: App, files: readonly File[]): Promise<void> {
  const images = files.filter(({ type, name }) => type.startsWith("image/") || /\.(png|jpe?g|webp)$/i.test(name));
  if (images.length === 0) {
    throw new RevqError(
      "no-images",
      `There is no image in ${files.length === 1 ? files[0]!.name : "what was dropped"}.`,
      {
        fix: "Drop jpeg, png or webp images, or a tokenizer's folder.",
      },
    );
  }
  const entries = images.map((file): ImageEntry => ({
    id: `own-${nextOwn++}`,
    name: file.name,
    url: URL.createObjectURL(file),
    blob: file,
    origin: "own",
    credit: null,
    featured: true,
  }));
  app.store.set(({ images }) => ({ images: [...entries, ...images] }));
  await chooseImage(app, entries[0]!.id);
}

/** Takes an image of the user's own off the page; another one is shown. */
export async function removeImage(app: App, id: string): Promise<void> {
  const { images, image } = app.store.state;
  const removed = images.find((one) => one.id === id);
  if (!removed) return;
  const left = images.filter((one) => one.id !== id);
  app.store.set({ images: left });
  URL.revokeObjectURL(removed.url);
  if (image === id && left[0]) await chooseImage(app, left[0].id);
}

/** Shows an image and encodes it with every open tokenizer. Stops earlier work. */
export async function chooseImage(app: App, id: string): Promise<void> {
  app.store.set(({ tab }) => ({ image: id, ...(tab === "curves" ? { tab: "image" } : {}) }));
  for (const slot of slots) await runImage(app, slot);
}

/**
 * Encodes the chosen image with one tokenizer. Does nothing without a tokenizer, or if it takes no
 * images.
 */
export async function runImage(app: App, slot: Slot): Promise<void> {
  const { store } = app;
  const opened = openedOf(store.state, slot);
  const image = store.state.images.find(({ id }) => id === store.state.image);
  if (!opened || !image || opened.description.backbone === null) return;
  app.stop("decode", slot);
  const before = opened.encoded;
  const signal = app.restart("encode", slot);
  store.setOpened(slot, () => ({ encoded: nothingEncoded(image.id), busy: true, decoding: false, problem: null }));
  try {
    const blob = image.blob ?? (await fetchImage(image, signal));
    if (image.blob) void showAtOnce(app, slot, image.id, image.blob, opened.description.config.imageSize ?? undefined);
    const { milliseconds } = await app.call(
      "encode",
      { slot, image: blob, name: image.name, idsOnly: false },
      {
        signal,
        onEvent(event) {
          if (event.kind === "image") {
            const { stage, image, metrics } = event;
            store.setEncoded(slot, ({ stages }) => ({ stages: { ...stages, [stage]: { image, metrics } } }));
          } else {
            store.setEncoded(slot, () => ({ tokens: event.tokens, current: event.tokens.ids, report: event.tokens }));
            countCodes(app, slot, image.id, event.tokens.ids);
          }
        },
      },
    );
    store.setEncoded(slot, () => ({ milliseconds }));
    store.setOpened(slot, () => ({ busy: false }));
  } catch (error) {
    if (isAbort(error)) return;
    const problem = toProblem(error);
    store.setOpened(slot, () => ({ busy: false, problem }));
    if (unreadable.has(problem.code)) takeBack(app, slot, image, before);
  }
}

const unreadable = new Set(["image-unreadable", "image-too-large", "image-missing"]);

/** A file that cannot be read does not replace a result: what was there before is shown again. */
function takeBack(app: App, slot: Slot, image: ImageEntry, before: Encoded | null): void {
  app.store.setOpened(slot, () => ({ encoded: before?.image === image.id ? null : before }));
  app.store.set(({ images, image: shown }) => ({
    image: shown === image.id ? (before?.image ?? null) : shown,
    images: image.origin === "own" ? images.filter(({ id }) => id !== image.id) : images,
  }));
}

/** The original on screen before the worker has read it: the page has the file. Its exact pixels replace it. */
async function showAtOnce(app: App, slot: Slot, id: string, file: Blob, side: number | undefined): Promise<void> {
  if (file.size > shownAtOnce) return;
  const image = await pixelsOf(file, side).catch(() => null); // the worker says what is wrong with it
  app.store.setEncoded(slot, (encoded) => {
    if (!image || encoded.image !== id || encoded.stages.original) return {};
    return { stages: { ...encoded.stages, original: { image, metrics: null } } };
  });
}

/** Bytes. Larger files are decoded once only, in the worker. */
const shownAtOnce = 30 * 2 ** 20;

/**
 * Encodes every image that was not counted yet, without decoding. The usage of one image says
 * little.
 */
export async function countAllImages(app: App, slot: Slot): Promise<void> {
  const { store } = app;
  const opened = openedOf(store.state, slot);
  if (!opened || opened.description.backbone === null) return;
  const signal = app.restart("count", slot);
  const todo = store.state.images.filter(({ id }) => !opened.counted.has(id));
  try {
    for (const [done, image] of todo.entries()) {
      store.setOpened(slot, () => ({ batch: { done, total: todo.length } }));
      const blob = image.blob ?? (await fetchImage(image, signal));
      await app.call(
        "encode",
        { slot, image: blob, name: image.name, idsOnly: true },
        {
          signal,
          onEvent: (event) => {
            if (event.kind === "tokens") countCodes(app, slot, image.id, event.tokens.ids);
          },
        },
      );
    }
  } catch (error) {
    app.report(error);
  } finally {
    if (!signal.aborted) store.setOpened(slot, () => ({ batch: null }));
  }
}

/** Stops counting for this tokenizer, whichever one is looked at. */
export function stopCounting(app: App, slot: Slot): void {
  app.stop("count", slot);
  app.store.setOpened(slot, () => ({ batch: null }));
}

function countCodes(app: App, slot: Slot, image: string, ids: Int32Array): void {
  app.store.setOpened(slot, (opened: OpenedTokenizer) => {
    if (opened.counted.has(image)) return {};
    codeCounter(opened.counts, opened.description.layout).add(ids);
    return { counted: new Set(opened.counted).add(image) };
  });
}

/** Decodes the ids of a link or of the clipboard. There is no image then. */
export async function showIds(app: App, slot: Slot, ids: Int32Array): Promise<void> {
  app.stop("encode", slot);
  app.store.set({ image: null });
  app.store.setOpened(slot, () => ({
    encoded: nothingEncoded(null, ids),
    busy: false,
    decoding: false,
    problem: null,
  }));
  await applyIds(app, slot, ids);
}
