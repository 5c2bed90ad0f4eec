/** Small pieces that several pages share. */
import { html, nothing, type TemplateResult } from "lit";
import type { Problem, Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { openedOf, type ViewerState } from "../state.js";

export type View = TemplateResult | typeof nothing;

/** One of a few, as joined buttons. */
export function segmented<T extends string>(
  label: string,
  options: readonly (readonly [T, string])[],
  value: T,
  change: (value: T) => void,
): TemplateResult {
  return html`<div class="segmented" role="group" aria-label=${label}>
    ${options.map(
      ([option, text]) =>
        html`<button aria-pressed=${option === value} @click=${() => change(option)}>${text}</button>`,
    )}
  </div>`;
}

export function select<T extends string>(
  label: string,
  options: readonly (readonly [T, string])[],
  value: T,
  change: (value: T) => void,
): TemplateResult {
  return html`<label class="field"
    ><span>${label}</span
    ><select @change=${(event: Event) => change((event.target as HTMLSelectElement).value as T)}>
      ${options.map(([option, text]) => html`<option value=${option} ?selected=${option === value}>${text}</option>`)}
    </select></label
  >`;
}

export function stat(label: unknown, value: unknown): TemplateResult {
  return html`<div class="stat">
    <dt>${label}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** @param kind `plain`: a normal state, which is said without alarm */
export function problemBox(
  problem: Problem,
  actions: View = nothing,
  kind: "error" | "plain" = "error",
): TemplateResult {
  return html`<div class="problem" data-kind=${kind} role=${kind === "error" ? "alert" : "note"}>
    <p><strong>${problem.message}</strong></p>
    ${problem.fix ? html`<p>${problem.fix}</p>` : nothing}
    ${problem.code === "unexpected" || kind === "plain" ? nothing : html`<p class="code">${problem.code}</p>`}
    ${actions}
  </div>`;
}

/** Which of two open tokenizers a page shows. */
export function slotSwitch(app: App, state: ViewerState): View {
  const [a, b] = [openedOf(state, "a"), openedOf(state, "b")];
  if (!a || !b) return nothing;
  return segmented<Slot>(
    "Tokenizer",
    [
      ["a", `A · ${a.description.name}`],
      ["b", `B · ${b.description.name}`],
    ],
    state.active,
    (active) => app.store.set({ active, token: null, group: 0, code: null }),
  );
}

/** Runs an action and shows what goes wrong. */
export function act(app: App, action: () => unknown): () => void {
  return () => {
    try {
      const result = action();
      if (result instanceof Promise) result.catch((error: unknown) => app.report(error));
    } catch (error) {
      app.report(error);
    }
  };
}
