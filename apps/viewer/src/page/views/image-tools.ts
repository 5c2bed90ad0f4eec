/** What can be done with the image on screen: the difference, the zoom, taking results away. */
import { html, nothing, type TemplateResult } from "lit";
import { saveCard } from "../actions/card.js";
import { copyIds, copyLink, downloadIds, downloadReconstruction } from "../actions/downloads.js";
import { resetIds } from "../actions/edits.js";
import type { App } from "../app.js";
import { homeViewport, openedOf, type ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { setView } from "./stage-parts.js";
import { act } from "./parts.js";

export function imageTools(app: App, state: ViewerState): TemplateResult {
  const { view, active } = state;
  const edited = openedOf(state, active)?.encoded?.edited;
  return html`<div class="tools" role="toolbar" aria-label="This image">
    <label class="check"
      ><input
        type="checkbox"
        .checked=${view.errors}
        @change=${(event: Event) => setView(app, { errors: (event.target as HTMLInputElement).checked })}
      />Difference</label
    >
    ${
      view.errors
        ? html`<label class="field"
            ><span>× ${view.gain}</span
            ><input
              type="range"
              min="1"
              max="16"
              aria-label="Amplification of the difference"
              .value=${String(view.gain)}
              @input=${(event: Event) => setView(app, { gain: Number((event.target as HTMLInputElement).value) })}
          /></label>`
        : nothing
    }
    <button
      class="quiet"
      title="Ctrl and wheel or pinch to zoom, + and - on the keyboard, drag to move. Shows all again"
      ?disabled=${view.viewport.zoom === 1}
      @click=${() => setView(app, { viewport: homeViewport })}
    >
      ${Math.round(view.viewport.zoom * 100)} %
    </button>
    ${
      edited
        ? html`<span class="edited">Edited tokens</span>
            <button class="quiet" @click=${act(app, () => resetIds(app, active))}>${icon("undo")} Reset</button>`
        : nothing
    }
    <span class="spring"></span>
    <button class="quiet" @click=${act(app, () => downloadReconstruction(app, active))}>
      ${icon("download")} Save PNG
    </button>
    <button class="quiet" @click=${act(app, () => downloadIds(app, active))}>${icon("download")} Save ids</button>
    <button class="quiet" @click=${act(app, () => copyIds(app, active))}>${icon("copy")} Copy ids</button>
    <button class="quiet" @click=${act(app, () => saveCard(app, active))}>${icon("image")} Save card</button>
    <button class="quiet" @click=${act(app, () => copyLink(app))}>${icon("link")} Copy link</button>
  </div>`;
}
