/** The whole page for one state. */
import { html, nothing, type TemplateResult } from "lit";
import type { App } from "../app.js";
import { bytes } from "../format.js";
import { openedOf, type ViewerState } from "../state.js";
import { codebooksPage } from "./codebooks-page.js";
import { comparePage } from "./compare-page.js";
import { curvesPage } from "./curves-page.js";
import { dialogs } from "./dialogs.js";
import { header, tabBar } from "./header.js";
import { imagePage } from "./image-page.js";
import { imageRail } from "./image-rail.js";
import { openPanel } from "./open-dialog.js";
import { problemBox, type View } from "./parts.js";
import { tokensPage } from "./tokens-page.js";

export function page(app: App, state: ViewerState): TemplateResult {
  return html`${header(app, state)} ${tabBar(app, state)}
    <div class="body">
      ${state.tab === "curves" ? nothing : imageRail(app, state)}
      <main id="page" role="tabpanel" aria-labelledby="tab-${state.tab}" tabindex="-1">${content(app, state)}</main>
    </div>
    ${dialogs(app, state)}
    <div class="notice" role="status" data-kind=${state.notice?.kind ?? "none"}>${state.notice?.text ?? nothing}</div>
    ${state.dragging ? html`<div class="drop-veil" aria-hidden="true"><p>Drop an image, a tokenizer's folder, ids.json or metrics.jsonl</p></div>` : nothing}`;
}

function content(app: App, state: ViewerState): View {
  if (state.engine.status === "failed") return html`<div class="centred">${problemBox(state.engine.problem)}</div>`;
  if (state.tab === "curves") return curvesPage(app, state);
  const { a } = state;
  if (a.status === "loading") {
    const { name } = a;
    // Small files arrive at once: their progress would only flicker.
    const progress = a.progress && a.progress.total > 2 ** 16 ? a.progress : null;
    const text = progress
      ? `${progress.file}: ${bytes(progress.done)} of ${bytes(progress.total)}`
      : "Requesting its files…";
    return html`<div class="centred">
      <section class="card loading" aria-busy="true">
        <h2>Opening ${name}</h2>
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
