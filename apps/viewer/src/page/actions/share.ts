/** The URL's hash follows the state, and a link brings the state back. */
import type { App } from "../app.js";
import { writeHash, type Shared } from "../share-link.js";
import { openedOf, type ViewerState } from "../state.js";
import { applyCodes, sameCodes } from "./edits.js";
import { chooseImage, showCodes } from "./images.js";

/** At most so many edits are listed; beyond, the link holds all ids. */
const maxEdits = 64;

export function hashOf(state: ViewerState): string {
  const image = state.images.find(({ id }) => id === state.image);
  const encoded = openedOf(state, "a")?.encoded ?? null;
  const exact = encoded?.codes?.codes ?? null;
  const current = encoded?.current ?? null;
  const edits: [number, number][] = [];
  if (exact && current && !sameCodes(exact, current)) {
    current.forEach((code, token) => {
      if (code !== exact[token]) edits.push([token, code]);
    });
  }
  const named = image !== undefined && image.origin !== "own" && edits.length <= maxEdits;
  return writeHash({
    tab: state.tab,
    image: named ? image.name : null,
    ids: named ? null : current,
    edits: named ? edits : [],
    token: state.token,
    group: state.group,
    colouring: state.colouring,
    view: state.view,
  });
}

/** Keeps the address up to date; no history entries. */
export function followState(app: App): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  app.store.subscribe(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const hash = hashOf(app.store.state);
      if (hash !== location.hash.slice(1))
        history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    }, 400);
  });
}

/** What can be restored before a tokenizer is there. */
export function restoreView(app: App, { tab, token, group, colouring, view }: Shared): void {
  app.store.set({ tab, token, group, colouring, view });
}

/** The image and the edits of a link, once tokenizer and image list are there. */
export async function restoreContent(app: App, shared: Shared): Promise<void> {
  const { store } = app;
  const opened = openedOf(store.state, "a");
  const tokens = opened?.description.tokens ?? 0;
  const { codes, groupOf } = opened?.description ?? { codes: [], groupOf: new Int32Array() };
  const valid = (token: number, code: number): boolean => token < tokens && code < codes[groupOf[token]!]!;
  store.set(({ token, group }) => ({
    token: token !== null && token < tokens ? token : null,
    group: group < codes.length ? group : 0,
  }));
  if (shared.ids && opened && shared.ids.length === tokens && shared.ids.every((code, t) => valid(t, code))) {
    await showCodes(app, "a", shared.ids);
    return;
  }
  const image = store.state.images.find(({ name }) => name === shared.image) ?? store.state.images[0];
  if (!image) return;
  await chooseImage(app, image.id);
  const exact = openedOf(store.state, "a")?.encoded?.codes?.codes;
  const edits = shared.edits.filter(([token, code]) => valid(token, code));
  if (!exact || edits.length === 0) return;
  const edited = exact.slice();
  for (const [token, code] of edits) edited[token] = code;
  await applyCodes(app, "a", edited);
}
