/**
 * The state in a link's hash: page, image (by name), ids or edits, zoom, slider. The
 * tokenizer is in the query (`?tokenizer=URL`), because it decides what is downloaded.
 */
import { slots, stages, type Slot, type Stage } from "../protocol/messages.js";
import {
  gridColourings,
  homeViewport,
  initialState,
  tabs,
  type GridColouring,
  type Tab,
  type ViewState,
} from "./state.js";

export interface Shared {
  readonly tab: Tab;
  /** Name of the image; an own one is only found on the page that it was added to. */
  readonly image: string | null;
  /** Ids of all tokens, for an own image and after many edits. */
  readonly ids: Int32Array | null;
  /** Token and new id of every edit. */
  readonly edits: readonly (readonly [number, number])[];
  readonly token: number | null;
  readonly group: number;
  readonly colouring: GridColouring;
  readonly active: Slot;
  readonly view: ViewState;
}

export function writeHash(shared: Shared): string {
  const { view } = shared;
  const { zoom, x, y } = view.viewport;
  const initial = initialState.view;
  const fields: [string, string | null][] = [
    ["tab", shared.tab === "image" ? null : shared.tab],
    ["image", shared.image],
    ["ids", shared.ids && encodeIds(shared.ids)],
    ["edits", shared.edits.map(([token, id]) => `${token}.${id}`).join("_") || null],
    ["token", shared.token === null ? null : String(shared.token)],
    ["group", shared.group === 0 ? null : String(shared.group)],
    ["colour", shared.colouring === initialState.colouring ? null : shared.colouring],
    ["slot", shared.active === "a" ? null : shared.active],
    ["stages", view.stages ? "all" : null],
    ["left", view.left === initial.left ? null : view.left],
    ["right", view.right === initial.right ? null : view.right],
    ["split", view.split === initial.split ? null : view.split.toFixed(3)],
    ["zoom", zoom === 1 ? null : [zoom, x, y].map((value) => value.toFixed(3)).join("_")],
    ["errors", view.errors ? String(view.gain) : null],
  ];
  const query = new URLSearchParams(fields.filter((field): field is [string, string] => field[1] !== null));
  return query.toString();
}

/** Reads what `writeHash` wrote; whatever is missing or malformed has its initial value. */
export function readHash(hash: string): Shared {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const initial = initialState.view;
  const oneOf = <T extends string>(key: string, allowed: readonly T[], otherwise: T): T =>
    allowed.find((value) => value === query.get(key)) ?? otherwise;
  const whole = (key: string): number | null => {
    const text = query.get(key) ?? "";
    return /^\d{1,9}$/.test(text) ? Number(text) : null;
  };
  const unit = (text: string | undefined | null, otherwise: number): number => {
    const value = Number.parseFloat(text ?? "");
    return value >= 0 && value <= 1 ? value : otherwise;
  };
  const [zoom, x, y] = (query.get("zoom") ?? "").split("_");
  const factor = Number.parseFloat(zoom ?? "");
  const errors = whole("errors");
  return {
    tab: oneOf("tab", tabs, "image"),
    image: query.get("image"),
    ids: decodeIds(query.get("ids")),
    edits: [...(query.get("edits") ?? "").matchAll(/(\d{1,9})\.(\d{1,9})/g)].map(([, t, c]) => [Number(t), Number(c)]),
    token: whole("token"),
    group: whole("group") ?? 0,
    colouring: oneOf("colour", gridColourings, initialState.colouring),
    active: oneOf<Slot>("slot", slots, "a"),
    view: {
      stages: query.get("stages") === "all",
      left: oneOf<Stage>("left", stages, initial.left),
      right: oneOf<Stage>("right", stages, initial.right),
      split: unit(query.get("split"), initial.split),
      viewport:
        factor >= 1 && factor <= 64
          ? { zoom: factor, x: unit(x, homeViewport.x), y: unit(y, homeViewport.y) }
          : homeViewport,
      errors: errors !== null,
      gain: errors === null ? initial.gain : Math.min(32, Math.max(1, errors)),
    },
  };
}

/** Ids as base64url of little-endian base-128 numbers: about two bytes a token. */
export function encodeIds(ids: Int32Array): string {
  let text = "";
  for (let id of ids) {
    while (id > 127) {
      text += String.fromCharCode((id & 127) | 128);
      id >>>= 7;
    }
    text += String.fromCharCode(id);
  }
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Null for any other text. */
export function decodeIds(text: string | null): Int32Array | null {
  if (!text || !/^[\w-]+$/.test(text)) return null;
  let bytes: string;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const ids: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of bytes) {
    const byte = character.charCodeAt(0);
    value += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte > 127) continue;
    if (value > 2 ** 31 - 1) return null;
    ids.push(value);
    value = 0;
    shift = 0;
  }
  return shift === 0 ? Int32Array.from(ids) : null;
}
