/** The dialogs: open, paste ids, engine. Native `<dialog>`: focus and Escape are the browser's. */
import { html, nothing, type TemplateResult } from "lit";
import { ref } from "lit/directives/ref.js";
import { idsText, pasteIds } from "../actions/downloads.js";
import { filesOfInput, receiveFiles } from "../actions/receive.js";
import type { App } from "../app.js";
import { bytes } from "../format.js";
import { openedOf, type ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { openPanel } from "./open-dialog.js";
import { act, problemBox, type View } from "./parts.js";

export function dialogs(app: App, state: ViewerState): View {
  switch (state.dialog) {
    case "open-a":
    case "open-b": {
      const slot = state.dialog === "open-a" ? "a" : "b";
      return dialog(
        app,
        slot === "a" ? "Open a tokenizer" : "Compare with another tokenizer",
        html`${openPanel(app, state, slot)} ${missingWeights(app, state)}`,
      );
    }
    case "ids":
      return dialog(app, "Paste ids", ids(app, state));
    case "engine":
      return dialog(app, "What computes", engine(state));
    default:
      return nothing;
  }
}

function dialog(app: App, title: string, content: TemplateResult): TemplateResult {
  const close = (): void => app.store.set({ dialog: null, dialogProblem: null });
  const problem = app.store.state.dialogProblem;
  const show = (element?: Element): void => {
    if (element instanceof HTMLDialogElement && element.isConnected && !element.open) element.showModal();
  };
  return html`<dialog
    aria-labelledby="dialog-title"
    ${ref((element) => queueMicrotask(() => show(element)))}
    @close=${close}
    @click=${(event: Event) => event.target === event.currentTarget && close()}
  >
    <div class="dialog">
      <h2 id="dialog-title">${title}</h2>
      <button class="quiet square close" aria-label="Close" @click=${close}>${icon("close")}</button>
      ${problem ? problemBox(problem) : nothing} ${content}
    </div>
  </dialog>`;
}

function ids(app: App, state: ViewerState): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = new FormData(event.target as HTMLFormElement).get("ids") as string;
    app.store.set({ dialogProblem: null });
    act(app, () => pasteIds(app, state.active, text))();
  };
  const current = openedOf(state, state.active)?.encoded?.current ? idsText(app, state.active) : "";
  return html`<form @submit=${submit}>
    <p class="note">The JSON of <code>revq encode -o ids.json</code>, or the numbers alone.</p>
    <textarea
      name="ids"
      rows="10"
      spellcheck="false"
      aria-label="Ids"
      required
      placeholder="[12, 7, 103, …]"
      .value=${current}
    ></textarea>
    <p class="buttons"><button class="primary">Decode</button></p>
  </form>`;
}

function engine({ engine, memory }: ViewerState): TemplateResult {
  if (engine.status === "checking") return html`<p>Looking what this browser has…</p>`;
  if (engine.status === "failed") return html`<p>${engine.problem.message}</p>`;
  const { id, description, refused, isolated } = engine.engine;
  const names: Record<string, string> = { webgpu: "WebGPU", wasm: "WebAssembly", cpu: "JavaScript" };
  const link = (wanted: string): string => {
    const url = new URL(location.href);
    url.searchParams.set("engine", wanted);
    return url.href;
  };
  return html`<p>${engineText(names[id] ?? id, description)}</p>
    ${
      refused.length > 0
        ? html`<h3>Why nothing faster</h3>
            <ul>
              ${refused.map(({ id, reason }) => html`<li><strong>${names[id] ?? id}</strong>: ${reason}</li>`)}
            </ul>`
        : nothing
    }
    ${isolated ? nothing : html`<p class="note">This page is not cross-origin isolated, so WebAssembly has one thread. <code>revq view</code> serves it isolated.</p>`}
    ${
      memory
        ? html`<p class="note" data-tensors=${memory.tensors}>
            It holds ${memory.tensors} tensors, ${bytes(memory.tensorBytes)}.
          </p>`
        : nothing
    }
    <p class="note">
      Reload with
      ${["auto", "webgpu", "wasm", "cpu"].map(
        (wanted, i) => html`${i > 0 ? ", " : ""}<a href=${link(wanted)}>${names[wanted] ?? "automatic choice"}</a>`,
      )}.
    </p>`;
}

/** "WebGPU: NVIDIA H200." A description that only repeats the name is left out. */
export function engineText(name: string, description: string): string {
  return description === "" || description.toLowerCase() === name.toLowerCase()
    ? `${name}.`
    : `${name}: ${description}.`;
}

function missingWeights(app: App, state: ViewerState): View {
  const opened = openedOf(state, "a");
  if (opened?.description.noImages?.code !== "weights-elsewhere") return nothing;
  const pick = (event: Event): void => {
    const files = filesOfInput(event.target as HTMLInputElement);
    act(app, () => receiveFiles(app, files, "a"))();
  };
  return html`<h3>The backbone's weights of ${opened.description.name}</h3>
    <label class="button"
      ><input
        type="file"
        multiple
        accept=".safetensors,.pth,.pt,.json"
        class="visually-hidden"
        @change=${pick}
      />${icon("folder")} Choose the files…</label
    >`;
}
