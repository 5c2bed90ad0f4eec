/** Keeps the state in the address, and restores it from a link, from Back and from a changed address. */
import type { TokenLayout } from "@revq/core";
import { slots, type Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { readHash, writeHash, type Shared } from "../share-link.js";
import { openedOf, type ViewerState } from "../state.js";
import { applyIds, sameIds } from "./edits.js";
import { chooseImage, showIds } from "./images.js";

/** Up to this many edits are listed. With more, a link holds all ids, and the image all the same. */
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
  const listed = image !== undefined && image.origin !== "own" && edits.length <= maxEdits;
  return writeHash({
    tab: state.tab,
    image: image?.name ?? null,
    ids: listed ? null : current,
    edits: listed ? edits : [],
    token: state.token,
    group: state.group,
    colouring: state.colouring,
    active: state.active,
    view: state.view,
  });
}

/** The address's query with the open tokenizers; the one that opens by itself is left out. */
export function queryOf(state: ViewerState, query: string, embedded: string): string {
  const params = new URLSearchParams(query);
  for (const [slot, key] of [
    ["a", "tokenizer"],
    ["b", "compare"],
  ] as const) {
    const opened = openedOf(state, slot);
    if (!opened) {
      if (state[slot].status === "empty") params.delete(key);
      continue;
    }
    const { source } = opened;
    const byItself =
      state.served.tokenizers[slots.indexOf(slot)]?.name === source.name ||
      (slot === "a" && addressOf(source) === embedded);
    const address = addressOf(source);
    if (address === null || byItself) params.delete(key);
    else params.set(key, address);
  }
  // An address reads better with its own characters than with escapes.
  const text = params.toString().replace(/%(3A|2F)/g, (escape) => decodeURIComponent(escape));
  return text && `?${text}`;
}

function addressOf(source: { readonly kind: string; readonly url?: string }): string | null {
  return source.kind === "url" ? (source.url ?? null) : null;
}

/** A change of these makes an entry of the history, so that Back undoes it. */
function stepOf(state: ViewerState): string {
  return [state.tab, state.image, state.active].join("\n");
}

/** Keeps the address up to date, and follows it. */
export function followState(app: App, embedded: string): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let step = stepOf(app.store.state);
  app.store.subscribe((state) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const hash = hashOf(state);
      const address = location.pathname + queryOf(state, location.search, embedded) + (hash ? `#${hash}` : "");
      if (address === location.pathname + location.search + location.hash) return;
      const next = stepOf(state);
      if (next === step) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
      step = next;
    }, 400);
  });
  // Back, Forward, and a hash that was typed or pasted.
  addEventListener("popstate", () => {
    clearTimeout(timer);
    const shared = readHash(location.hash);
    if (location.hash.slice(1) === hashOf(app.store.state)) return;
    restoreView(app, shared);
    step = [shared.tab, app.store.state.images.find(({ name }) => name === shared.image)?.id, shared.active].join("\n");
    restoreContent(app, shared).catch((error: unknown) => app.report(error));
  });
}

/** Restores what needs no tokenizer. */
export function restoreView(app: App, { tab, token, group, colouring, view }: Shared): void {
  app.store.set({ tab, token, group, colouring, view });
}

const noTokens: TokenLayout = { count: 0, codebookSizes: [], groupOf: new Int32Array() };

/**
 * The image, its ids and edits of a link, once tokenizer and image list are there. Says if the image
 * is not there: edits of it are not applied to another.
 */
export async function restoreContent(app: App, shared: Shared): Promise<void> {
  const { store } = app;
  const slot: Slot = "a";
  const opened = openedOf(store.state, slot);
  const { count, codebookSizes, groupOf } = opened?.description.layout ?? noTokens;
  const valid = (token: number, id: number): boolean => token < count && id < codebookSizes[groupOf[token]!]!;
  store.set(({ token, group }) => ({
    token: token !== null && token < count ? token : null,
    group: group < codebookSizes.length ? group : 0,
  }));
  const ids =
    shared.ids && shared.ids.length === count && shared.ids.every((id, t) => valid(t, id)) ? shared.ids : null;
  const named = store.state.images.find(({ name }) => name === shared.image);
  if (!named && ids && opened) {
    if (shared.image) app.notice(`The link holds the tokens of ${shared.image}, not the image itself.`);
    await showIds(app, slot, ids);
    return;
  }
  if (!named && shared.image) app.notice(`The link's image ${shared.image} is not here.`, "error");
  const image = named ?? store.state.images[0];
  if (!image) return;
  if (store.state.image !== image.id || !opened?.encoded?.tokens) await chooseImage(app, image.id);
  const exact = openedOf(store.state, slot)?.encoded?.tokens?.ids;
  if (!named || !exact) return;
  const edited = ids?.slice() ?? exact.slice();
  if (!ids) for (const [token, id] of shared.edits) if (valid(token, id)) edited[token] = id;
  if (!sameIds(edited, openedOf(store.state, slot)?.encoded?.current ?? exact)) await applyIds(app, slot, edited);
}
