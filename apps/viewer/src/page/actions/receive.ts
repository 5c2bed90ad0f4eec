/**
 * Handles files that are dropped, pasted or picked: a tokenizer's folder, images, ids, a metrics
 * file.
 */
import type { DroppedFile, Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { parseMetrics } from "../metrics-file.js";
import { openedOf } from "../state.js";
import { pasteIds } from "./downloads.js";
import { addImages } from "./images.js";
import { openTokenizer, sourceOfFiles, withWeights } from "./tokenizers.js";

/** @param slot where a tokenizer goes */
export async function receiveFiles(app: App, files: readonly DroppedFile[], slot: Slot): Promise<void> {
  if (files.length === 0) return;
  const tokenizer = sourceOfFiles(files);
  if (tokenizer) {
    await openTokenizer(app, slot, tokenizer);
    return;
  }
  const metrics = files.filter(({ path }) => path.endsWith(".jsonl"));
  if (metrics.length > 0) {
    const curves = await Promise.all(
      metrics.map(async ({ path, file }) => ({ name: path, records: parseMetrics(await file.text(), path) })),
    );
    app.store.set((state) => ({ curves: [...state.curves, ...curves], tab: "curves" }));
    return;
  }
  const ids = files.length === 1 && files[0]!.path.endsWith(".json") ? files[0]! : undefined;
  if (ids) {
    await pasteIds(app, app.store.state.active, await ids.file.text());
    return;
  }
  const opened = openedOf(app.store.state, slot);
  if (opened?.description.noImages?.code === "weights-elsewhere" && files.every(({ path }) => isWeights(path))) {
    await openTokenizer(app, slot, withWeights(opened.source, files));
    return;
  }
  await addImages(
    app,
    files.map(({ file }) => file),
  );
}

function isWeights(path: string): boolean {
  return /\.(safetensors|pth|pt|json|md|txt)$/.test(path);
}

/**
 * The files of a drop, including those in folders. Call it inside the event: the browser empties
 * the transfer afterwards.
 */
export async function filesOfTransfer(transfer: DataTransfer): Promise<DroppedFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files];
  if (entries.every((entry) => entry === null)) return plain.map((file) => ({ path: file.name, file }));
  const found: DroppedFile[] = [];
  for (const entry of entries) if (entry) await walk(entry, "", found);
  return found;
}

/**
 * Largest number of files that a drop may hold. A folder of runs beside a tokenizer may hold very
 * many.
 */
const maxFiles = 5000;

async function walk(entry: FileSystemEntry, folder: string, found: DroppedFile[]): Promise<void> {
  if (found.length >= maxFiles || entry.name.startsWith(".")) return;
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const inner of some) await walk(inner, `${path}/`, found);
  }
}

/** The files of an `<input type="file">`, with their paths when a folder was chosen. */
export function filesOfInput(input: HTMLInputElement): DroppedFile[] {
  const files = [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  input.value = "";
  return files;
}
