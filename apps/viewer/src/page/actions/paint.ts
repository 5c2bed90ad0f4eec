/** Painting with tokens: a stroke over the photo copies, swaps, blends or zeroes the tokens that it touches. */
import type { Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { codeBetween } from "../code-search.js";
import { openedOf, type BrushTool } from "../state.js";
import { tokenBoxes, tokensAt } from "../token-boxes.js";
import { applyIds, codebookOf, zeroTokens } from "./edits.js";
import { giveTokens, showSecond } from "./second-photo.js";

export function startPainting(app: App, tool: BrushTool): void {
  const fresh = { source: null, ids: null, picture: null, swaps: [] };
  app.store.set(({ brush }) => ({ brush: { ...fresh, ...brush, tool, stroke: new Set() } }));
}

export function endPainting(app: App): void {
  app.store.set({ brush: null });
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
  else if (!brush.ids) return app.notice("Choose the second photo first.");
  else if (brush.tool === "blend") await blendTokens(app, slot, ids, brush.ids, tokens);
  else for (const token of tokens) ids[token] = brush.ids[token]!;
  if (brush.tool === "swap") giveTokens(app, current, tokens);
  await applyIds(app, slot, ids);
  if (brush.tool === "swap") await showSecond(app, slot);
}

/** Puts the code nearest to the middle between both photos into these tokens of `ids`. */
async function blendTokens(
  app: App,
  slot: Slot,
  ids: Int32Array,
  second: Int32Array,
  tokens: readonly number[],
): Promise<void> {
  const { groupOf } = openedOf(app.store.state, slot)!.description.layout;
  for (const token of tokens) {
    if (ids[token] === second[token]) continue;
    ids[token] = codeBetween(await codebookOf(app, slot, groupOf[token]!), ids[token]!, second[token]!);
  }
}
