/** The bar on top: what is open, what computes, which page. */
import { html, nothing, type TemplateResult } from "lit";
import type { Slot } from "../../protocol/messages.js";
import { closeTokenizer } from "../actions/tokenizers.js";
import type { App } from "../app.js";
import { codesText, whole } from "../format.js";
import { openedOf, tabs, type SlotState, type Tab, type ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act, type View } from "./parts.js";

const tabNames: Record<Tab, string> = {
  image: "Image",
  tokens: "Tokens",
  codebooks: "Codebooks",
  compare: "Compare",
  curves: "Curves",
};

export function header(app: App, state: ViewerState): TemplateResult {
  return html`<header class="bar">
    <h1 class="brand"><span class="mark" aria-hidden="true"></span>revq <span>viewer</span></h1>
    <div class="chips">
      ${chip(app, "a", state.a)} ${state.a.status === "ready" ? chip(app, "b", state.b) : nothing}
    </div>
    <div class="bar-end">
      ${engineBadge(app, state)}
      <button
        class="quiet square"
        aria-label=${`Theme: ${state.theme}. Change it`}
        title="Theme: ${state.theme}"
        @click=${() => nextTheme(app, state)}
      >
        ${icon("theme")}
      </button>
    </div>
  </header>`;
}

export function tabBar(app: App, state: ViewerState): TemplateResult {
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const next = tabs[(tabs.indexOf(state.tab) + step + tabs.length) % tabs.length]!;
    app.store.set({ tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Pages" @keydown=${move}>
    ${tabs.map(
      (tab) =>
        html`<button
          role="tab"
          id="tab-${tab}"
          aria-controls="page"
          aria-selected=${tab === state.tab}
          tabindex=${tab === state.tab ? 0 : -1}
          @click=${() => app.store.set({ tab })}
        >
          ${tabNames[tab]}
        </button>`,
    )}
  </div>`;
}

function chip(app: App, slot: Slot, opened: SlotState): View {
  const letter = slot.toUpperCase();
  if (opened.status === "empty") {
    return html`<button class="quiet" @click=${() => app.store.set({ dialog: `open-${slot}` })}>
      ${slot === "a" ? icon("folder") : icon("plus")}
      ${slot === "a" ? "Open a tokenizer" : html`<span>Compare<span class="wide"> with…</span></span>`}
    </button>`;
  }
  const name =
    opened.status === "ready"
      ? opened.description.name
      : opened.status === "loading"
        ? opened.name
        : opened.source.name;
  const detail =
    opened.status === "loading"
      ? "loading…"
      : opened.status === "failed"
        ? "could not be opened"
        : `${opened.description.config.backbone?.id ?? "latents"} · ${whole(opened.description.layout.count)} tokens · ${codesText(opened.description.layout.codebookSizes)} · ${whole(opened.description.bitsPerImage)} bits`;
  return html`<div class="chip" data-status=${opened.status}>
    <button class="chip-name" title="Open another tokenizer" @click=${() => app.store.set({ dialog: `open-${slot}` })}>
      <span class="letter" aria-hidden="true">${letter}</span
      ><span class="chip-text"><b>${name}</b><small>${detail}</small></span>
    </button>
    <button
      class="quiet square"
      aria-label="Close tokenizer ${letter}, ${name}"
      @click=${act(app, () => closeTokenizer(app, slot))}
    >
      ${icon("close")}
    </button>
  </div>`;
}

const engineNames: Record<string, string> = { webgpu: "WebGPU", wasm: "WebAssembly", cpu: "JavaScript" };

function engineBadge(app: App, { engine }: ViewerState): TemplateResult {
  const text =
    engine.status === "checking"
      ? "checking…"
      : engine.status === "failed"
        ? "no engine"
        : (engineNames[engine.engine.id] ?? engine.engine.id);
  const level = engine.status === "failed" ? "bad" : engine.status === "ready" ? engine.engine.id : "wait";
  const why =
    engine.status === "ready" && engine.engine.refused.length > 0
      ? html`<span class="why wide">
          · ${engine.engine.refused.map(({ id }) => `no ${engineNames[id] ?? id}`).join(", ")}: why?</span
        >`
      : nothing;
  return html`<button class="badge" data-level=${level} @click=${act(app, () => showEngine(app))}>
    ${icon("chip")}<span class="visually-hidden">Engine: </span>${text}${why}
  </button>`;
}

async function showEngine(app: App): Promise<void> {
  app.store.set({ dialog: "engine", memory: null });
  app.store.set({ memory: await app.call("memory", null) });
}

function nextTheme(app: App, { theme }: ViewerState): void {
  const order = ["auto", "light", "dark"] as const;
  app.store.set({ theme: order[(order.indexOf(theme) + 1) % order.length]! });
}

/** The name of an open tokenizer, or of its letter. */
export function nameOfSlot(state: ViewerState, slot: Slot): string {
  return openedOf(state, slot)?.description.name ?? slot.toUpperCase();
}
