/**
 * The composition root of the page: worker, state, rendering, and the content that the address
 * names.
 */
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/pages.css";
import "./elements/code-map.js";
import "./elements/compare-pane.js";
import "./elements/footprint-map.js";
import "./elements/group-bars.js";
import "./elements/line-chart.js";
import "./elements/token-grid.js";
import "./elements/token-map.js";
import "./elements/usage-map.js";
import "./elements/vector-bars.js";
import "./elements/zoom-pane.js";
import { render } from "lit";
import { engineIds } from "@revq/engine";
import { createClient, type Port } from "../protocol/client.js";
import type { TokenizerSource } from "../protocol/messages.js";
import { filesOfTransfer, receiveFiles } from "./actions/receive.js";
import { followState, restoreContent, restoreView } from "./actions/share.js";
import { openTokenizer, sourceOfUrl } from "./actions/tokenizers.js";
import { pasteIds } from "./actions/downloads.js";
import { App, toProblem } from "./app.js";
import { readServed, samplesOf } from "./served.js";
import { readHash } from "./share-link.js";
import type { ViewerState } from "./state.js";
import { page } from "./views/page.js";

const worker = new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module" });
const app = new App(createClient(worker as unknown as Port));
const { store } = app;
const root = document.getElementById("app")!;
const query = new URLSearchParams(location.search);

worker.addEventListener("error", (event) => {
  const message = event.message || "The worker could not be started.";
  store.set({ engine: { status: "failed", problem: { code: "worker", message, fix: "Reload the page." } } });
});

store.subscribe((state) => {
  setTheme(state);
  render(page(app, state), root);
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
  root.replaceChildren();
  restoreView(app, shared);
  store.set({ theme: saved === "light" || saved === "dark" ? saved : "auto" });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("revq-theme")),
  );
  receive();
  const [ready, served, samples] = await Promise.all([check(), readServed(), samplesOf()]);
  store.set({ served: { local: served.local, tokenizers: served.tokenizers }, images: [...served.images, ...samples] });
  if (!ready) return;
  const named = query.get("tokenizer");
  const second = query.get("compare");
  try {
    const first = named !== null ? sourceOfUrl(named) : (served.tokenizers[0] ?? embedded());
    if (await openTokenizer(app, "a", first)) {
      await restoreContent(app, shared);
      const other = second !== null ? sourceOfUrl(second) : served.tokenizers[1];
      if (other) await openTokenizer(app, "b", other);
    }
  } catch (error) {
    app.report(error);
  }
  followState(app);
}

/** The tokenizer that comes with the page, for a visit that names none. */
function embedded(): TokenizerSource {
  return { kind: "url", name: "tiny", url: new URL("tokenizer/", document.baseURI).href, weights: null };
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
  addEventListener("dragenter", () => {
    inside++;
    store.set({ dragging: true });
  });
  addEventListener("dragleave", () => {
    inside--;
    if (inside <= 0) store.set({ dragging: false });
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
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
