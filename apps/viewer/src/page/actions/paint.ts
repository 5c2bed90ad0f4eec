/** Painting with tokens: a stroke over the photo copies the tokens of another photo, or zeroes them. */
import type { Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { openedOf, type Brush } from "../state.js";
import { tokenBoxes, tokensAt } from "../token-boxes.js";
import { applyIds, zeroTokens } from "./edits.js";
import { fetchImage } from "./images.js";

export function startPainting(app: App, tool: Brush["tool"]): void {
  app.store.set(({ brush }) => ({ brush: { source: null, ids: null, ...brush, tool, stroke: new Set() } }));
}

export function endPainting(app: App): void {
  app.store.set({ brush: null });
}

/** Tokens of this image are copied from now on. */
export async function paintFrom(app: App, slot: Slot, source: string): Promise<void> {
  const { store } = app;
  const image = store.state.images.find(({ id }) => id === source);
  if (!image) return;
  const change = (part: Partial<Brush>): void => store.set(({ brush }) => ({ brush: brush && { ...brush, ...part } }));
  change({ source, ids: null });
  const signal = app.restart("brush", slot);
  const blob = image.blob ?? (await fetchImage(image, signal));
  await app.call(
    "encode",
    { slot, image: blob, name: image.name, idsOnly: true },
    { signal, onEvent: (event) => event.kind === "tokens" && change({ ids: event.tokens.ids }) },
  );
}

/** The brush is at a place of the photo, in [0, 1]. */
export function strokeTo(app: App, slot: Slot, x: number, y: number): void {
  const opened = openedOf(app.store.state, slot);
  if (!opened || !app.store.state.brush) return;
  const here = tokensAt(tokenBoxes(opened.description), x, y);
  app.store.set(({ brush }) => {
    if (!brush || here.every((token) => brush.stroke.has(token))) return {};
    return { brush: { ...brush, stroke: new Set([...brush.stroke, ...here]) } };
  });
}

/** Applies the stroke: one edit, which Undo takes back as one. */
export async function endStroke(app: App, slot: Slot): Promise<void> {
  const { brush } = app.store.state;
  const current = openedOf(app.store.state, slot)?.encoded?.current;
  if (!brush || !current || brush.stroke.size === 0) return;
  app.store.set({ brush: { ...brush, stroke: new Set() } });
  const ids = current.slice();
  const tokens = [...brush.stroke];
  if (brush.tool === "zero") await zeroTokens(app, slot, ids, tokens);
  else if (brush.ids) for (const token of tokens) ids[token] = brush.ids[token]!;
  else return app.notice("Choose the photo to paint from first.");
  await applyIds(app, slot, ids);
}
