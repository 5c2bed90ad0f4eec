/** Ways to open a tokenizer: one that is served or bundled, a folder of this computer, an address. */
import { html, nothing, type TemplateResult } from "lit";
import type { Slot } from "../../protocol/messages.js";
import { filesOfInput, receiveFiles } from "../actions/receive.js";
import { openTokenizer, sourceOfUrl } from "../actions/tokenizers.js";
import type { App } from "../app.js";
import type { ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act } from "./parts.js";

export function openPanel(app: App, state: ViewerState, slot: Slot): TemplateResult {
  const pick = (event: Event): void => {
    const files = filesOfInput(event.target as HTMLInputElement);
    act(app, () => receiveFiles(app, files, slot))();
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const url = new FormData(event.target as HTMLFormElement).get("url") as string;
    act(app, () => openTokenizer(app, slot, sourceOfUrl(url)))();
  };
  const offered = [...state.served.tokenizers, ...state.bundled.map(({ source }) => source)];
  const folder = (input: Element): void => {
    input.setAttribute("webkitdirectory", "");
  };
  return html`<div class="open-panel">
    ${
      offered.length > 0
        ? html`<ul class="served">
            ${offered.map(
              (source) =>
                html`<li>
                  <button @click=${act(app, () => openTokenizer(app, slot, source))}>
                    ${icon("folder")} ${source.name}
                  </button>
                </li>`,
            )}
          </ul>`
        : nothing
    }
    <label class="button"
      ><input
        type="file"
        multiple
        class="visually-hidden"
        @click=${(event: Event) => folder(event.target as Element)}
        @change=${pick}
      />${icon("folder")} Choose a folder…</label
    >
    <span class="note">or drop it anywhere on the page. Nothing is uploaded.</span>
    ${state.served.local ? nothing : address(submit)}
  </div>`;
}

function address(submit: (event: SubmitEvent) => void): TemplateResult {
  return html`<form class="url" @submit=${submit}>
    <label class="field"
      ><span>Address</span
      ><input name="url" required placeholder="https://example.org/my-tokenizer/ or hf:owner/name" spellcheck="false"
    /></label>
    <button>Open</button>
  </form>`;
}
