/** The whole page for one state. */
import { html, nothing, type TemplateResult } from "lit";
import type { Problem } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { bytes } from "../format.js";
import { liveLine } from "../live-line.js";
import { openedOf, type ViewerState } from "../state.js";
import { codebooksPage } from "./codebooks-page.js";
import { comparePage } from "./compare-page.js";
import { curvesPage } from "./curves-page.js";
import { dialogs } from "./dialogs.js";
import { header, tabBar } from "./header.js";
import { imagePage } from "./image-page.js";
import { imageStrip } from "./image-strip.js";
import { icon } from "./icons.js";
import { openPanel } from "./open-dialog.js";
import { problemBox, type View } from "./parts.js";
import { tokensPage } from "./tokens-page.js";

export function page(app: App, state: ViewerState): TemplateResult {
  return html`<button class="skip" @click=${() => document.getElementById("page")?.focus()}>Skip to the content</button>
    <p class="visually-hidden" role="status">${liveLine(state)}</p>
    ${header(app, state)} ${tabBar(app, state)}
    <main id="page" role="tabpanel" aria-labelledby="tab-${state.tab}" tabindex="-1">
      ${state.tab === "image" || state.tab === "curves" ? nothing : imageStrip(app, state)} ${content(app, state)}
    </main>
    ${dialogs(app, state)}
    <div class="notices" role="status">
      ${state.notices.map(
        (notice) =>
          html`<p class="notice" data-kind=${notice.kind}>
            ${notice.text}
            <button class="quiet square" aria-label="Dismiss" @click=${() => app.dismiss(notice)}>
              ${icon("close")}
            </button>
          </p>`,
      )}
    </div>
    ${state.dragging ? html`<div class="drop-veil" aria-hidden="true"><p>Drop an image, a tokenizer's folder, ids.json or metrics.jsonl</p></div>` : nothing}`;
}

function content(app: App, state: ViewerState): View {
  if (state.engine.status === "failed") return noEngine(state.engine.problem);
  if (state.tab === "curves") return curvesPage(app, state);
  const { a } = state;
  const loads = a.status === "loading" || (a.status === "empty" && state.engine.status === "checking");
  if (loads && state.paint && state.tab === "image") return imagePage(app, state, null);
  if (a.status === "loading") {
    const { name } = a;
    // Small files arrive at once: their progress would only flicker.
    const progress = a.progress && a.progress.total > 2 ** 16 ? a.progress : null;
    const text = progress
      ? `${progress.file}: ${bytes(progress.done)} of ${bytes(progress.total)}`
      : "Requesting its files…";
    return html`<div class="centred">
      <section class="card loading" aria-busy="true">
        <h2>Opening ${name}${a.host === null ? nothing : html` <small>from ${a.host}</small>`}</h2>
        <progress
          aria-label="Loading"
          max=${progress?.total || 1}
          .value=${progress ? progress.done : 0}
          ?indeterminate=${!progress}
        ></progress>
        <p class="note">${text}</p>
      </section>
    </div>`;
  }
  if (a.status === "failed") {
    return html`<div class="centred">
      ${problemBox(
        a.problem,
        html`<p class="buttons">
          <button class="primary" @click=${() => app.store.set({ dialog: "open-a" })}>Open another tokenizer</button>
        </p>`,
      )}
    </div>`;
  }
  if (a.status === "empty") return welcome(app, state);
  if (state.tab === "compare") return comparePage(app, state);
  const opened = openedOf(state, state.active) ?? a;
  if (state.tab === "tokens") return tokensPage(app, state, opened);
  if (state.tab === "codebooks") return codebooksPage(app, state, opened);
  return imagePage(app, state, opened);
}

function noEngine(problem: Problem): TemplateResult {
  const withWasm = new URL(location.href);
  withWasm.searchParams.set("engine", "wasm");
  return html`<div class="centred">
    ${problemBox(
      problem,
      html`<p class="buttons">
        <button class="primary" @click=${() => location.reload()}>Reload</button>
        ${problem.code === "device-lost" ? html`<a class="button" href=${withWasm.href}>Compute with WebAssembly</a>` : nothing}
      </p>`,
    )}
  </div>`;
}

function welcome(app: App, state: ViewerState): TemplateResult {
  if (state.engine.status === "checking") return html`<p class="hint">Checking the engines of this browser…</p>`;
  return html`<div class="centred">
    <section class="card welcome">
      <h2>See what the tokens are</h2>
      <p>
        Open an image tokenizer of revq: its folder has a <code>config.json</code> and a <code>model.safetensors</code>.
        Then drop any image and look at its codes, its codebooks, and what changes when you change them.
      </p>
      ${openPanel(app, state, "a")}
      <p class="note">
        No tokenizer yet? <code>npx revq train --data photos</code> makes one, <code>npx revq view FOLDER</code> opens
        it here.
      </p>
    </section>
  </div>`;
}
