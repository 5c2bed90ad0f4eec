/**
 * The composition root of the page: worker, state, rendering, and the content that the address
 * names.
 */
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/pages.css";
import "./styles/story.css";
import "./elements/code-map.js";
import "./elements/compare-pane.js";
import "./elements/footprint-map.js";
import "./elements/group-bars.js";
import "./elements/line-chart.js";
import "./elements/picture.js";
import "./elements/token-grid.js";
import "./elements/token-map.js";
import "./elements/usage-map.js";
import "./elements/vector-bars.js";
import "./elements/zoom-pane.js";
import { render } from "lit";
import { engineIds } from "@revq/engine";
import { createClient, type Port } from "../protocol/client.js";
import type { DeviceLost, TokenizerSource } from "../protocol/messages.js";
import { filesOfTransfer, receiveFiles } from "./actions/receive.js";
import { followState, restoreContent, restoreView } from "./actions/share.js";
import { openTokenizer, sourceOfUrl } from "./actions/tokenizers.js";
import { pasteIds } from "./actions/downloads.js";
import { App, lostDevice, toProblem } from "./app.js";
import { bundledTokenizers } from "./bundled.js";
import { carriesFiles } from "./file-drag.js";
import { readFirstPaint } from "./first-paint.js";
import { readServed, samplesOf, type ServedFiles } from "./served.js";
import { readHash } from "./share-link.js";
import type { ViewerState } from "./state.js";
import { titleOf } from "./story.js";
import { page } from "./views/page.js";

const worker = new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module" });
const app = new App(createClient(worker as unknown as Port));
const { store } = app;
const root = document.getElementById("app")!;
const query = new URLSearchParams(location.search);
const bundled = bundledTokenizers(document.baseURI);

/** An address of a bundled tokenizer names all that is known of it. */
function known(source: TokenizerSource): TokenizerSource {
  return bundled.find((one) => source.kind === "url" && one.source.url === source.url)?.source ?? source;
}

worker.addEventListener("error", (event) => {
  const message = event.message || "The worker could not be started.";
  store.set({ engine: { status: "failed", problem: { code: "worker", message, fix: "Reload the page." } } });
});

worker.addEventListener("message", ({ data }: MessageEvent<DeviceLost | { readonly kind: string }>) => {
  if (data.kind !== "device-lost") return;
  const { reason } = data as DeviceLost;
  store.set({ engine: { status: "failed", problem: lostDevice(reason) } });
});

store.subscribe((state) => {
  setTheme(state);
  render(page(app, state), root);
  document.title = titleOf(state);
});

let theme: string | undefined;
function setTheme({ theme: wanted }: ViewerState): void {
  if (theme === wanted) return;
  if (theme !== undefined) localStorage.setItem("revq-theme", wanted);
  theme = wanted;
  document.documentElement.dataset["theme"] = wanted;
  document.dispatchEvent(new Event("revq-theme"));
}

void start();

async function start(): Promise<void> {
  const saved = localStorage.getItem("revq-theme");
  const shared = readHash(location.hash);
  // The document has the first paint already: it is replaced by the same, once its pictures are read.
  const plain = query.get("tokenizer") === null && !shared.image && !shared.ids && document.querySelector(".story");
  const paint = plain ? await readFirstPaint() : null;
  root.replaceChildren();
  store.set({ paint, bundled });
  restoreView(app, shared);
  store.set({ theme: saved === "light" || saved === "dark" ? saved : "auto" });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("revq-theme")),
  );
  receive();
  const [ready, { served, first }, samples] = await Promise.all([check(), firstTokenizer(), samplesOf()]);
  const asBuilt = served.tokenizers.length === 0 && served.images.length === 0;
  store.set(({ paint }) => ({
    served: { local: served.local, tokenizers: served.tokenizers },
    images: [...served.images, ...samples],
    paint: asBuilt ? paint : null,
  }));
  if (!ready) return;
  const second = query.get("compare");
  try {
    if (first instanceof Error) throw first;
    if (await openTokenizer(app, "a", first)) {
      await restoreContent(app, shared);
      const other = second !== null ? known(sourceOfUrl(second)) : served.tokenizers[1];
      if (other) await openTokenizer(app, "b", other);
    }
  } catch (error) {
    app.report(error);
  }
  if (shared.active === "b" && store.state.b.status === "ready") store.set({ active: "b" });
  followState(app, bundled[0]!.source.url);
}

/** What is opened first: the worker starts to read it while the engine starts. */
async function firstTokenizer(): Promise<{ served: ServedFiles; first: TokenizerSource | Error }> {
  const served = await readServed();
  const named = query.get("tokenizer");
  try {
    const first = named !== null ? known(sourceOfUrl(named)) : (served.tokenizers[0] ?? bundled[0]!.source);
    if (first.kind === "url" && !first.url.startsWith("hf:")) void app.call("ahead", { url: first.url });
    return { served, first };
  } catch (error) {
    return { served, first: error as Error };
  }
}

/** The capability check, before anything is downloaded. */
async function check(): Promise<boolean> {
  const wanted = query.get("engine");
  const engine = engineIds.find((id) => id === wanted) ?? "auto";
  try {
    const status = await app.call("check", { engine, wasmPath: new URL("wasm/", document.baseURI).href });
    store.set({ engine: { status: "ready", engine: status } });
    return true;
  } catch (error) {
    store.set({ engine: { status: "failed", problem: toProblem(error) } });
    return false;
  }
}

/** Drops and pastes, anywhere on the page. */
function receive(): void {
  const slot = (): "a" | "b" => (store.state.tab === "compare" || store.state.dialog === "open-b" ? "b" : "a");
  let inside = 0;
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event.dataTransfer)) return;
    inside++;
    store.set({ dragging: true });
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event.dataTransfer)) return;
    inside--;
    if (inside <= 0) store.set({ dragging: false });
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event.dataTransfer)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event.dataTransfer)) return;
    event.preventDefault();
    inside = 0;
    store.set({ dragging: false });
    if (!event.dataTransfer) return;
    filesOfTransfer(event.dataTransfer)
      .then((files) => receiveFiles(app, files, slot()))
      .catch((error: unknown) => app.report(error));
  });
  addEventListener("paste", (event) => {
    const target = event.target as Element | null;
    if (target?.closest?.("input, textarea") || !event.clipboardData) return;
    const files = [...event.clipboardData.files].map((file) => ({ path: file.name, file }));
    const text = event.clipboardData.getData("text/plain");
    const done =
      files.length > 0 ? receiveFiles(app, files, "a") : text ? pasteIds(app, store.state.active, text) : undefined;
    done?.catch((error: unknown) => app.report(error));
  });
}
