/** The brush: what it does with tokens, and the second photo. */
import { html, nothing, type TemplateResult } from "lit";
import { endPainting, startPainting } from "../actions/paint.js";
import { paintFrom } from "../actions/second-photo.js";
import type { App } from "../app.js";
import type { Brush, BrushTool, ImageEntry, ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act, segmented } from "./parts.js";

export function paintBar(app: App, state: ViewerState): TemplateResult {
  const { brush, images, active } = state;
  if (!brush) {
    return html`<button @click=${() => startPainting(app, "copy")}>Paint with tokens</button>`;
  }
  const choose = (event: Event): void =>
    act(app, () => paintFrom(app, active, (event.target as HTMLSelectElement).value))();
  const second = images.find(({ id }) => id === brush.source);
  return html`<div class="tools" role="group" aria-label="Brush">
      ${segmented<BrushTool>(
        "Brush",
        [
          ["copy", "Copy"],
          ["swap", "Swap"],
          ["blend", "Blend"],
          ["zero", "Zero"],
        ],
        brush.tool,
        (tool) => startPainting(app, tool),
      )}
      ${
        brush.tool === "zero"
          ? nothing
          : html`<select aria-label="Second photo" @change=${choose}>
                <option value="" ?selected=${brush.source === null} disabled>second photo…</option>
                ${images.map(({ id, name }) => html`<option value=${id} ?selected=${id === brush.source}>${name}</option>`)}</select
              >${brush.source !== null && brush.ids === null ? html`<span class="note">encoding it…</span>` : nothing}`
      }
      <button class="quiet" @click=${() => endPainting(app)}>${icon("close")} End</button>
    </div>
    <div class="paint-notes">
      <p class="note">Draw over the photo. ${says[brush.tool]}</p>
      ${second && brush.tool !== "zero" ? secondPhoto(brush, second) : nothing}
    </div>`;
}

const says: Record<BrushTool, string> = {
  copy: "Tokens under the stroke become those of the second photo.",
  swap: "Tokens under the stroke change places with those of the second photo.",
  blend: "Tokens under the stroke move halfway to those of the second photo. Another stroke goes further.",
  zero: "Tokens under the stroke say nothing.",
};

function secondPhoto({ picture, swaps }: Brush, { name, url }: ImageEntry): TemplateResult {
  return html`<figure class="second-photo">
    ${
      picture
        ? html`<rv-picture role="img" aria-label="Second photo after the swaps" .image=${picture}></rv-picture>`
        : html`<img src=${url} alt="Second photo: ${name}" />`
    }
    <figcaption class="note">${swaps.length > 0 ? "what is left of it" : "second photo"}</figcaption>
  </figure>`;
}
