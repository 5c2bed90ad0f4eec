/** The brush: what it puts, and the photo that it copies from. */
import { html, nothing, type TemplateResult } from "lit";
import { endPainting, paintFrom, startPainting } from "../actions/paint.js";
import type { App } from "../app.js";
import type { ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act, segmented } from "./parts.js";

export function paintBar(app: App, state: ViewerState): TemplateResult {
  const { brush, images, active } = state;
  if (!brush) {
    return html`<button @click=${() => startPainting(app, "copy")}>Paint with tokens</button>`;
  }
  const choose = (event: Event): void =>
    act(app, () => paintFrom(app, active, (event.target as HTMLSelectElement).value))();
  return html`<div class="tools" role="group" aria-label="Brush">
      ${segmented<typeof brush.tool>(
        "Brush",
        [
          ["copy", "Copy from"],
          ["zero", "Zero"],
        ],
        brush.tool,
        (tool) => startPainting(app, tool),
      )}
      ${
        brush.tool === "copy"
          ? html`<select aria-label="Photo to copy from" @change=${choose}>
                <option value="" ?selected=${brush.source === null} disabled>a photo…</option>
                ${images.map(({ id, name }) => html`<option value=${id} ?selected=${id === brush.source}>${name}</option>`)}</select
              >${brush.source !== null && brush.ids === null ? html`<span class="note">encoding it…</span>` : nothing}`
          : nothing
      }
      <button class="quiet" @click=${() => endPainting(app)}>${icon("close")} End</button>
    </div>
    <p class="note">Draw over the photo. A stroke changes every token that it touches.</p>`;
}
