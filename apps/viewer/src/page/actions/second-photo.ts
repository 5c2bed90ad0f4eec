/** The second photo of a brush: its tokens, and what swaps have left of them. */
import type { Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { openedOf, type Brush } from "../state.js";
import { fetchImage } from "./fetch-image.js";

function change(app: App, part: Partial<Brush>): void {
  app.store.set(({ brush }) => ({ brush: brush && { ...brush, ...part } }));
}

/** This image is the second photo from now on. */
export async function paintFrom(app: App, slot: Slot, source: string): Promise<void> {
  const image = app.store.state.images.find(({ id }) => id === source);
  if (!image) return;
  change(app, { source, ids: null, picture: null, swaps: [] });
  const signal = app.restart("brush", slot);
  const blob = image.blob ?? (await fetchImage(image, signal));
  await app.call(
    "encode",
    { slot, image: blob, name: image.name, idsOnly: true },
    { signal, onEvent: (event) => event.kind === "tokens" && change(app, { ids: event.tokens.ids }) },
  );
}

/** Puts the tokens that a swap took from the shown photo into the second one. @param shown ids before the swap */
export function giveTokens(app: App, shown: Int32Array, tokens: readonly number[]): void {
  const { brush } = app.store.state;
  if (!brush?.ids) return;
  const ids = brush.ids.slice();
  for (const token of tokens) ids[token] = shown[token]!;
  change(app, { ids, swaps: [...brush.swaps, { shown, ids: brush.ids }] });
}

/** Undoes the second photo's half of a swap, if these ids were shown before it. */
export function takeSwapBack(app: App, slot: Slot, shown: Int32Array): void {
  const { brush } = app.store.state;
  const swap = brush?.swaps.at(-1);
  if (!swap || swap.shown !== shown) return;
  change(app, { ids: swap.ids, swaps: brush!.swaps.slice(0, -1) });
  showSecond(app, slot).catch((error: unknown) => app.report(error));
}

/** Decodes what is left of the second photo. */
export async function showSecond(app: App, slot: Slot): Promise<void> {
  const { brush } = app.store.state;
  if (!brush?.ids || openedOf(app.store.state, slot)?.description.noImages) return;
  if (brush.swaps.length === 0) return change(app, { picture: null });
  const { ids } = brush;
  const signal = app.restart("brush", slot);
  const { images } = await app.call("decode", { slot, ids, stages: ["rectified"], score: false }, { signal });
  if (app.store.state.brush?.ids === ids) change(app, { picture: images[0]!.image });
}
