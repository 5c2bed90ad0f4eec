/** Taking results away: files and the clipboard. */
import { RevqError } from "@revq/core";
import type { Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { idsFromText, idsToJson } from "../ids-json.js";
import { openedOf, stageImage, type ViewerState } from "../state.js";
import { applyIds } from "./edits.js";
import { showIds } from "./images.js";
import { hashOf } from "./share.js";

export function nameOf(app: App): string {
  const { images, image } = app.store.state;
  return images.find(({ id }) => id === image)?.name ?? "ids";
}

export function stem(name: string): string {
  return name.replace(/\.[^.]+$/, "");
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The rectified image as a PNG. */
export async function downloadReconstruction(app: App, slot: Slot): Promise<void> {
  const shown = stageImage(openedOf(app.store.state, slot)?.encoded ?? null, "rectified");
  if (!shown) throw nothingYet("reconstruction");
  const { width, height, data } = shown.image;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")!.putImageData(new ImageData(data, width, height), 0, 0);
  save(await canvas.convertToBlob({ type: "image/png" }), `${stem(nameOf(app))}-revq.png`);
}

export function idsText(app: App, slot: Slot): string {
  const opened = openedOf(app.store.state, slot);
  if (!opened?.encoded?.current) throw nothingYet("ids");
  return idsToJson(opened.encoded.current, nameOf(app), opened.description);
}

export function downloadIds(app: App, slot: Slot): void {
  save(new Blob([idsText(app, slot)], { type: "application/json" }), `${stem(nameOf(app))}-ids.json`);
}

export async function copyIds(app: App, slot: Slot): Promise<void> {
  await copy(app, idsText(app, slot), "Ids copied.");
}

export async function copyLink(app: App): Promise<void> {
  const { link, note } = linkOf(app.store.state, location.href, __SITE__);
  await copy(app, link, note);
}

/** Address of the hosted page, of the build; empty without one. */
declare const __SITE__: string;

/**
 * A link to what is shown, and what to know about it. From `revq view` it leads to the hosted page where
 * that can open the tokenizer; otherwise it works on this computer alone.
 */
export function linkOf(state: ViewerState, address: string, site: string): { link: string; note: string } {
  const source = openedOf(state, "a")?.source;
  const bundled = source?.kind === "url" && source.url === new URL("tokenizer/", address).href;
  const hub = source?.kind === "url" && source.url.startsWith("hf:");
  const hosted = state.served.local && site !== "" && (bundled || hub);
  const image = state.images.find(({ id }) => id === state.image);
  const link = new URL(hosted ? site : address);
  if (hosted && hub) link.searchParams.set("tokenizer", source.url);
  link.hash = hashOf(state);
  const own = image?.origin === "own" ? " It holds the ids, not your image." : "";
  if (hosted) return { link: link.href, note: `Link to the hosted page copied.${own}` };
  if (state.served.local)
    return { link: link.href, note: `Link copied. It works on this computer alone, while revq view runs.${own}` };
  return {
    link: link.href,
    note:
      source?.kind === "files"
        ? `Link copied. It does not hold the tokenizer, which is on this computer.${own}`
        : `Link copied.${own}`,
  };
}

/** Decodes pasted ids. The image they are compared with stays when there is one. */
export async function pasteIds(app: App, slot: Slot, text: string): Promise<void> {
  const opened = openedOf(app.store.state, slot);
  if (!opened) throw new RevqError("no-tokenizer", "Open a tokenizer before pasting ids.");
  const ids = idsFromText(text, opened.description);
  app.store.set({ dialog: null, dialogProblem: null });
  if (opened.encoded) await applyIds(app, slot, ids);
  else await showIds(app, slot, ids);
  app.notice("These are the pasted ids.");
}

async function copy(app: App, text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch (cause) {
    throw new RevqError("clipboard", "The browser does not let this page write to the clipboard.", {
      fix: "Allow it in the address bar, or use the download.",
      cause,
    });
  }
  app.notice(done);
}

function nothingYet(what: string): RevqError {
  return new RevqError("nothing-yet", `There is no ${what} yet.`, { fix: "Choose an image first." });
}
