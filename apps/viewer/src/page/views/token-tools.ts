/** The tools that change tokens: this one, its group, or all. */
import { html, nothing, type TemplateResult } from "lit";
import { applyTool, resetIds, sameIds, undoEdit, type Tool } from "../actions/edits.js";
import type { App } from "../app.js";
import type { Encoded, ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { paintBar } from "./paint-bar.js";
import { act, segmented } from "./parts.js";

export function tokenTools(app: App, state: ViewerState, encoded: Encoded): TemplateResult {
  const tool = (name: Tool, text: string, title: string): TemplateResult =>
    html`<button
      title=${title}
      ?disabled=${state.scope !== "all" && state.token === null}
      @click=${act(app, () => applyTool(app, state.active, name))}
    >
      ${text}
    </button>`;
  const exact = encoded.tokens?.ids;
  const changed = exact ? encoded.current!.reduce((n, code, t) => n + Number(code !== exact[t]), 0) : 0;
  return html`<div class="tools">
      ${segmented(
        "Change",
        [
          ["token", "This token"],
          ["group", "Its group"],
          ["all", "All"],
        ],
        state.scope,
        (scope) => app.store.set({ scope }),
      )}
      ${tool("zero", "Zero", "The code nearest the mean of the data")}
      ${state.scope === "token" ? nothing : tool("shuffle", "Shuffle", "The same codes on other tokens of their group")}
      ${tool("random", "Random", "Any code of the group")}
      <span class="spring"></span>
      <button
        class="quiet"
        ?disabled=${encoded.history.length === 0}
        @click=${act(app, () => undoEdit(app, state.active))}
      >
        Undo
      </button>
      <button
        class="quiet"
        ?disabled=${!exact || sameIds(exact, encoded.current!)}
        @click=${act(app, () => resetIds(app, state.active))}
      >
        ${icon("undo")} Reset${changed > 0 ? ` ${changed}` : ""}
      </button>
    </div>
    <div class="paint">${paintBar(app, state)}</div>`;
}
