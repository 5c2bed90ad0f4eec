/** The images at hand: the user's own, those that are served, the samples. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { chooseImage } from "../actions/images.js";
import { filesOfInput, receiveFiles } from "../actions/receive.js";
import type { App } from "../app.js";
import type { ImageEntry, ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act } from "./parts.js";

const titles = { own: "Yours", served: "Served", sample: "Samples" } as const;

export function imageRail(app: App, state: ViewerState): TemplateResult {
  const pick = (event: Event): void => {
    const files = filesOfInput(event.target as HTMLInputElement);
    act(app, () => receiveFiles(app, files, "a"))();
  };
  return html`<aside class="rail" aria-label="Images">
    <label class="pick">
      <input type="file" accept="image/png,image/jpeg,image/webp" multiple class="visually-hidden" @change=${pick} />
      ${icon("image")}<span>Add an image<small>or drop or paste one anywhere</small></span>
    </label>
    ${(["own", "served", "sample"] as const).map((origin) => {
      const images = state.images.filter((image) => image.origin === origin);
      if (images.length === 0) return nothing;
      return html`<section>
        <h2>${titles[origin]} <span>${images.length}</span></h2>
        <ul class="thumbs">
          ${repeat(
            images,
            ({ id }) => id,
            (image) => html`<li>${thumbnail(app, state, image)}</li>`,
          )}
        </ul>
      </section>`;
    })}
    <p class="private">Images stay on this computer: everything is computed in your browser.</p>
  </aside>`;
}

function thumbnail(app: App, state: ViewerState, { id, name, url, credit }: ImageEntry): TemplateResult {
  return html`<button
    class="thumb"
    aria-pressed=${id === state.image}
    aria-label=${name}
    title=${credit ? `${name}\n${credit}` : name}
    @click=${act(app, () => chooseImage(app, id))}
  >
    <img src=${url} alt="" loading="lazy" decoding="async" width="72" height="72" />
  </button>`;
}
