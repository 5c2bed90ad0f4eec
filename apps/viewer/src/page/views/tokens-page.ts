/** The tokens of the image: a grid to look at and to change, with the reconstruction beside it. */
import { html, nothing, type TemplateResult } from "lit";
import { copyIds } from "../actions/downloads.js";
import { applyTool, resetIds, sameIds, tokensInScope, type Tool } from "../actions/edits.js";
import type { App } from "../app.js";
import type { TokenGridContent } from "../elements/token-grid.js";
import { tokenRows, type TokenRow } from "../token-rows.js";
import {
  stageImage,
  type Encoded,
  type GridColouring,
  type OpenedTokenizer,
  type ViewerState,
  type Viewport,
} from "../state.js";
import type { TokenizerDescription } from "../../protocol/messages.js";
import { codebookOffsets } from "@revq/core";
import { icon } from "./icons.js";
import { noImages, scores, shownImage } from "./image-page.js";
import { act, problemBox, segmented, slotSwitch } from "./parts.js";
import { tokenInspector } from "./token-inspector.js";

const rowsOf = new WeakMap<TokenizerDescription, readonly TokenRow[]>();

function rowsFor(description: TokenizerDescription): readonly TokenRow[] {
  let rows = rowsOf.get(description);
  if (!rows) rowsOf.set(description, (rows = tokenRows(description)));
  return rows;
}

export function tokensPage(app: App, state: ViewerState, opened: OpenedTokenizer): TemplateResult {
  const { encoded, description } = opened;
  if (description.backbone === null) return noImages(app, opened);
  if (!encoded?.current) {
    return html`${opened.problem ? problemBox(opened.problem) : nothing}
      <p class="hint">${opened.busy ? "Encoding…" : "Choose an image on the left to see its tokens, or paste ids."}</p>
      ${opened.busy ? nothing : html`<p class="buttons centre">${pasteButton(app)}</p>`}`;
  }
  return html`<div class="tools" role="toolbar" aria-label="Tokens">
      ${slotSwitch(app, state)}
      ${segmented<GridColouring>(
        "Colour by",
        [
          ["code", "Code"],
          ["frequency", "Frequency"],
          ["error", "Error"],
        ],
        state.colouring,
        (colouring) => app.store.set({ colouring }),
      )}
      <span class="spring"></span>
      <button class="quiet" @click=${act(app, () => copyIds(app, state.active))}>${icon("copy")} Copy ids</button>
      ${pasteButton(app)}
    </div>
    <div class="tokens-layout">
      <section class="card grid-card" aria-label="Token grid">
        ${grid(app, state, opened, encoded)} ${tools(app, state, encoded)}
      </section>
      ${preview(app, state, opened, encoded)} ${tokenInspector(app, state, opened, encoded)}
    </div>`;
}

function pasteButton(app: App): TemplateResult {
  return html`<button class="quiet" @click=${() => app.store.set({ dialog: "ids" })}>
    ${icon("paste")} Paste ids
  </button>`;
}

function grid(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): TemplateResult {
  const { description } = opened;
  const current = encoded.current!;
  const exact = encoded.tokens?.ids ?? current;
  const content: TokenGridContent = {
    rows: rowsFor(description),
    ids: current,
    edited: (token) => current[token] !== exact[token],
    colouring: state.colouring,
    strengths: strengthsOf(state.colouring, opened, encoded),
    groupOf: description.layout.groupOf,
  };
  const marked = state.token === null ? [] : tokensInScope(description, state.scope, state.token);
  return html`<rv-tokens
      aria-label="Token"
      .content=${content}
      .value=${state.token}
      .scope=${new Set(state.scope === "all" ? [] : marked)}
      @rv-hover=${(event: CustomEvent<number | null>) => app.store.set({ hovered: event.detail })}
      @rv-pick=${(event: CustomEvent<number>) => app.store.set({ token: event.detail })}
    ></rv-tokens>
    <p class="legend">${legend(state.colouring, opened)}</p>`;
}

function legend(colouring: GridColouring, { counted, description }: OpenedTokenizer): string {
  const images = `${counted.size} ${counted.size === 1 ? "image" : "images"}`;
  if (colouring === "frequency") return `Strong: codes that occur often in the ${images} seen so far.`;
  if (colouring === "error") return "Strong: tokens with a large quantization error.";
  return `One cell a token, ${description.layout.count} in all; equal colours in a row are equal codes.`;
}

function strengthsOf(colouring: GridColouring, opened: OpenedTokenizer, encoded: Encoded): Float32Array | null {
  const { description, counts } = opened;
  if (colouring === "code") return null;
  const starts = codebookOffsets(description.layout);
  const values: ArrayLike<number> | undefined =
    colouring === "error"
      ? encoded.tokens?.tokenErrors
      : encoded.current!.map((code, token) => counts[starts[description.layout.groupOf[token]!]! + code]!);
  if (!values) return null;
  const shares = Float32Array.from(values);
  const max = shares.reduce((largest, value) => Math.max(largest, value), 0) || 1;
  return shares.map((value) => Math.sqrt(value / max));
}

function tools(app: App, state: ViewerState, encoded: Encoded): TemplateResult {
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
      ?disabled=${!exact || sameIds(exact, encoded.current!)}
      @click=${act(app, () => resetIds(app, state.active))}
    >
      ${icon("undo")} Reset${changed > 0 ? ` ${changed}` : ""}
    </button>
  </div>`;
}

function preview(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): TemplateResult {
  const shown = stageImage(encoded, "rectified");
  const before = encoded.stages.rectified ?? null;
  return html`<figure class="tile preview">
    <rv-pane
      class="stage"
      role="img"
      aria-label="Reconstruction from these tokens"
      .image=${shownImage(encoded, "rectified", state.view)}
      .viewport=${state.view.viewport}
      @rv-viewport=${(event: CustomEvent<Viewport>) =>
        app.store.set(({ view }) => ({ view: { ...view, viewport: event.detail } }))}
    ></rv-pane>
    <figcaption>
      <b>From these tokens</b> ${encoded.image === null ? nothing : scores(shown, "rectified")}
      ${encoded.edited && before?.metrics ? html`<span class="note">unedited ${before.metrics.psnr.toFixed(2)} dB</span>` : nothing}
      ${opened.problem ? problemBox(opened.problem) : nothing}
    </figcaption>
  </figure>`;
}
