/** The images at hand, in a row: the user's own, those that are served, good samples; others on request. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { chooseImage, removeImage } from "../actions/images.js";
import { filesOfInput, receiveFiles } from "../actions/receive.js";
import type { App } from "../app.js";
import { roving } from "../roving.js";
import type { ImageEntry, ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act, type View } from "./parts.js";

export function imageStrip(app: App, state: ViewerState): TemplateResult {
  const shown = state.images.filter(({ featured, id }) => featured || state.allImages || id === state.image);
  const hidden = state.images.length - shown.length;
  const current = shown.find(({ id }) => id === state.image);
  return html`<nav class="strip" aria-label="Images">
    ${pickButton(app, "pick")}
    <ul class="thumbs" aria-label="Images; arrow keys go through them" @keydown=${roving}>
      ${repeat(
        shown,
        ({ id }) => id,
        (image, i) => html`<li>${thumbnail(app, state, image, image === current || (!current && i === 0))}</li>`,
      )}
    </ul>
    ${
      hidden > 0
        ? html`<button class="quiet" @click=${() => app.store.set({ allImages: true })}>${hidden} more</button>`
        : nothing
    }
    ${removeButton(app, current)}
  </nav>`;
}

/** A button that opens the file dialog. */
export function pickButton(app: App, style: string, text = "Add a photo"): TemplateResult {
  const pick = (event: Event): void => {
    const files = filesOfInput(event.target as HTMLInputElement);
    act(app, () => receiveFiles(app, files, "a"))();
  };
  return html`<label class="button ${style}">
    <input type="file" accept="image/*,.json" multiple class="visually-hidden" @change=${pick} />
    ${icon("image")} ${text}
  </label>`;
}

function removeButton(app: App, current: ImageEntry | undefined): View {
  if (current?.origin !== "own") return nothing;
  return html`<button
    class="quiet"
    aria-label="Remove ${current.name}"
    @click=${act(app, () => removeImage(app, current.id))}
  >
    ${icon("close")} Remove
  </button>`;
}

function thumbnail(
  app: App,
  state: ViewerState,
  { id, name, url, credit }: ImageEntry,
  reachable: boolean,
): TemplateResult {
  return html`<button
    class="thumb"
    tabindex=${reachable ? 0 : -1}
    aria-pressed=${id === state.image}
    aria-label=${name}
    title=${credit ? `${name}\n${credit}` : name}
    @click=${act(app, () => chooseImage(app, id))}
  >
    <img src=${url} alt="" loading="lazy" decoding="async" width="72" height="72" />
  </button>`;
}
