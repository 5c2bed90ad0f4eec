/** The tokens of the image: what they say as a picture, to look at and to change, beside their reconstruction. */
import { html, nothing, type TemplateResult } from "lit";
import { copyIds } from "../actions/downloads.js";
import { endStroke, strokeTo } from "../actions/paint.js";
import type { App } from "../app.js";
import {
  stageImage,
  type Encoded,
  type GridColouring,
  type OpenedTokenizer,
  type ViewerState,
  type Viewport,
} from "../state.js";
import { tokenBoxes, tokensAt } from "../token-boxes.js";
import { icon } from "./icons.js";
import { noImages } from "./image-page.js";
import { scores, shownImage } from "./stage-parts.js";
import { act, problemBox, select, slotSwitch, type View } from "./parts.js";
import { tokenGrid } from "./token-grid-view.js";
import { revealBar } from "./reveal-bar.js";
import { tokenInspector } from "./token-inspector.js";
import { marksOf } from "./token-marks.js";
import { groupPictures, groupWord, tokenPicture } from "./token-picture.js";
import { tokenTools } from "./token-tools.js";

export function tokensPage(app: App, state: ViewerState, opened: OpenedTokenizer): TemplateResult {
  const { encoded, description } = opened;
  if (description.backbone === null) return noImages(app, opened);
  if (!encoded?.current) {
    return html`${opened.problem ? problemBox(opened.problem) : nothing}
      <p class="hint">${opened.busy ? "Encoding…" : "Choose an image to see its tokens, or paste ids."}</p>
      ${opened.busy ? nothing : html`<p class="buttons centre">${pasteButton(app)}</p>`}`;
  }
  const word = groupWord(description);
  return html`<div class="tools" role="toolbar" aria-label="Tokens">
      ${slotSwitch(app, state)}
      ${select<GridColouring>(
        "Show",
        [
          ["picture", "All tokens as a picture"],
          ["groups", `Each ${word} as a picture`],
          ["error", "Error of each token"],
          ["frequency", "Frequency of each code"],
          ["code", "Code numbers as colours"],
        ],
        state.colouring,
        (colouring) => app.store.set({ colouring }),
      )}
      <span class="spring"></span>
      <button class="quiet" @click=${act(app, () => copyIds(app, state.active))}>${icon("copy")} Copy ids</button>
      ${pasteButton(app)}
    </div>
    <div class="tokens-layout">
      <section class="card token-card" aria-label="Tokens">
        ${shownTokens(app, state, opened, encoded)} ${tokenTools(app, state, encoded)}
      </section>
      ${preview(app, state, opened, encoded)} ${tokenInspector(app, state, opened, encoded)}
    </div>`;
}

function shownTokens(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): View {
  const word = groupWord(opened.description);
  switch (state.colouring) {
    case "picture":
      return html`${tokenPicture(app, state, opened, encoded)}
        <p class="legend">
          What the tokens alone say, in the picture's geometry. Click a place for its tokens, again for the next. Arrow
          keys go to the place beside.
        </p>`;
    case "groups":
      return html`${groupPictures(app, state, opened, encoded)}
        <p class="legend">
          What each ${word} says while all others are at their mean: red is above it, blue below, white says nothing.
        </p>`;
    default:
      return tokenGrid(app, state, opened, encoded);
  }
}

function pasteButton(app: App): TemplateResult {
  return html`<button class="quiet" @click=${() => app.store.set({ dialog: "ids" })}>
    ${icon("paste")} Paste ids
  </button>`;
}

function preview(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): TemplateResult {
  const { revealed } = encoded;
  const shown = revealed?.shown ?? stageImage(encoded, "rectified");
  const before = encoded.stages.rectified ?? null;
  const boxes = tokenBoxes(opened.description);
  const place = (event: CustomEvent<{ x: number; y: number }>): void => {
    const here = tokensAt(boxes, event.detail.x, event.detail.y);
    const at = state.token === null ? -1 : here.indexOf(state.token);
    if (here.length > 0) app.store.set({ token: here[(at + 1) % here.length]! });
  };
  return html`<figure class="tile preview">
    <rv-pane
      class="stage ${state.brush ? "painting" : ""}"
      role="img"
      aria-label="Reconstruction from these tokens"
      aria-busy=${opened.decoding || (opened.busy && !shown) || (revealed !== null && revealed.shown?.count !== revealed.count)}
      .image=${revealed?.shown?.image ?? shownImage(encoded, "rectified", state.view)}
      .viewport=${state.view.viewport}
      .marks=${marksOf(state, opened)}
      .flash=${encoded.changed}
      @rv-viewport=${(event: CustomEvent<Viewport>) =>
        app.store.set(({ view }) => ({ view: { ...view, viewport: event.detail } }))}
      .painting=${state.brush !== null}
      @rv-place=${place}
      @rv-stroke=${(event: CustomEvent<{ x: number; y: number }>) =>
        strokeTo(app, state.active, event.detail.x, event.detail.y)}
      @rv-stroke-end=${act(app, () => endStroke(app, state.active))}
    ></rv-pane>
    <figcaption>
      <b>${revealed ? "From the first tokens" : "From these tokens"}</b>
      ${encoded.image === null ? nothing : scores(shown, "rectified")}
      ${encoded.edited && before?.metrics ? html`<span class="note">unedited ${before.metrics.psnr.toFixed(2)} dB</span>` : nothing}
      ${opened.problem ? problemBox(opened.problem) : nothing}
    </figcaption>
    ${revealBar(app, state, opened, encoded)}
  </figure>`;
}
