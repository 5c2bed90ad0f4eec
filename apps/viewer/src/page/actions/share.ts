/** Keeps the state in the URL's hash, and restores it from a link. */
import type { TokenLayout } from "@revq/core";
import type { App } from "../app.js";
import { writeHash, type Shared } from "../share-link.js";
import { openedOf, type ViewerState } from "../state.js";
import { applyIds, sameIds } from "./edits.js";
import { chooseImage, showIds } from "./images.js";

/** Up to this many edits are listed. A link with more edits holds all ids. */
const maxEdits = 64;

export function hashOf(state: ViewerState): string {
  const image = state.images.find(({ id }) => id === state.image);
  const encoded = openedOf(state, "a")?.encoded ?? null;
  const exact = encoded?.tokens?.ids ?? null;
  const current = encoded?.current ?? null;
  const edits: [number, number][] = [];
  if (exact && current && !sameIds(exact, current)) {
    current.forEach((id, token) => {
      if (id !== exact[token]) edits.push([token, id]);
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

/** Keeps the address up to date, without history entries. */
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

/** Restores what needs no tokenizer. */
export function restoreView(app: App, { tab, token, group, colouring, view }: Shared): void {
  app.store.set({ tab, token, group, colouring, view });
}

const noTokens: TokenLayout = { count: 0, codebookSizes: [], groupOf: new Int32Array() };

/** The image and the edits of a link, once tokenizer and image list are there. */
export async function restoreContent(app: App, shared: Shared): Promise<void> {
  const { store } = app;
  const opened = openedOf(store.state, "a");
  const { count, codebookSizes, groupOf } = opened?.description.layout ?? noTokens;
  const valid = (token: number, id: number): boolean => token < count && id < codebookSizes[groupOf[token]!]!;
  store.set(({ token, group }) => ({
    token: token !== null && token < count ? token : null,
    group: group < codebookSizes.length ? group : 0,
  }));
  if (shared.ids && opened && shared.ids.length === count && shared.ids.every((id, t) => valid(t, id))) {
    await showIds(app, "a", shared.ids);
    return;
  }
  const image = store.state.images.find(({ name }) => name === shared.image) ?? store.state.images[0];
  if (!image) return;
  await chooseImage(app, image.id);
  const exact = openedOf(store.state, "a")?.encoded?.tokens?.ids;
  const edits = shared.edits.filter(([token, id]) => valid(token, id));
  if (!exact || edits.length === 0) return;
  const edited = exact.slice();
  for (const [token, id] of edits) edited[token] = id;
  await applyIds(app, "a", edited);
}
