/** Original, VAE, quantized, rectified: beside each other, or two of them under a slider. */
import { html, nothing, type TemplateResult } from "lit";
import type { DecodedImage } from "@revq/tokenizer";
import { stages, type Stage } from "../../protocol/messages.js";
import { copyIds, copyLink, downloadIds, downloadReconstruction } from "../actions/downloads.js";
import { resetIds } from "../actions/edits.js";
import type { App } from "../app.js";
import { errorMap } from "../elements/image-canvas.js";
import { decibels, fixed, milliseconds, whole } from "../format.js";
import {
  homeViewport,
  stageImage,
  type Encoded,
  type OpenedTokenizer,
  type StageImage,
  type ViewerState,
  type ViewState,
  type Viewport,
} from "../state.js";
import { icon } from "./icons.js";
import { act, problemBox, segmented, select, slotSwitch, stat, type View } from "./parts.js";

export const stageNames: Record<Stage, string> = {
  original: "Original",
  vae: "VAE",
  quantized: "Quantized",
  rectified: "Rectified",
};

const stageNotes: Record<Stage, string> = {
  original: "cropped to the tokenizer's size",
  vae: "the VAE alone, without quantization",
  quantized: "decoded from the ids, without the rectifier",
  rectified: "decoded from the ids, with the rectifier",
};

export function imagePage(app: App, state: ViewerState, opened: OpenedTokenizer): TemplateResult {
  const { encoded, description } = opened;
  if (description.noImages && description.backbone === null) return noImages(app, opened);
  return html`${imageTools(app, state)} ${opened.problem ? problemBox(opened.problem) : nothing}
  ${description.noImages ? problemBox(description.noImages) : nothing}
  ${
    !encoded
      ? html`<p class="hint">Choose an image on the left, drop one here, or paste one.</p>`
      : state.view.layout === "tiles"
        ? tiles(app, state.view, opened)
        : html`<div class="slider-layout">${slider(app, state.view, opened)} ${facts(app, opened, encoded)}</div>`
  }
  ${encoded && state.view.layout === "tiles" ? facts(app, opened, encoded) : nothing}`;
}

/** Says why there is no image, and what can be done. */
export function noImages(app: App, opened: OpenedTokenizer): TemplateResult {
  const problem = opened.description.noImages!;
  return html`<div class="centred">
    ${problemBox(
      problem,
      html`<p class="buttons">
        <button class="primary" @click=${() => app.store.set({ tab: "codebooks" })}>Look at its codebooks</button>
        ${
          problem.code === "weights-elsewhere"
            ? html`<button @click=${() => app.store.set({ dialog: "open-a" })}>Add the weights' files</button>`
            : nothing
        }
      </p>`,
    )}
  </div>`;
}

function setView(app: App, change: Partial<ViewState>): void {
  app.store.set(({ view }) => ({ view: { ...view, ...change } }));
}

function imageTools(app: App, state: ViewerState): TemplateResult {
  const { view } = state;
  const names = stages.map((stage) => [stage, stageNames[stage]] as const);
  return html`<div class="tools" role="toolbar" aria-label="How to look">
    ${slotSwitch(app, state)}
    ${segmented(
      "Layout",
      [
        ["tiles", "Side by side"],
        ["slider", "Slider"],
      ],
      view.layout,
      (layout) => setView(app, { layout }),
    )}
    ${
      view.layout === "slider"
        ? html`${select("Left", names, view.left, (left) => setView(app, { left }))}
          ${select("Right", names, view.right, (right) => setView(app, { right }))}`
        : nothing
    }
    <label class="check"
      ><input
        type="checkbox"
        .checked=${view.errors}
        @change=${(event: Event) => setView(app, { errors: (event.target as HTMLInputElement).checked })}
      />Error map</label
    >
    ${
      view.errors
        ? html`<label class="field"
            ><span>× ${view.gain}</span
            ><input
              type="range"
              min="1"
              max="16"
              aria-label="Amplification of the error map"
              .value=${String(view.gain)}
              @input=${(event: Event) => setView(app, { gain: Number((event.target as HTMLInputElement).value) })}
          /></label>`
        : nothing
    }
    <span class="spring"></span>
    <button
      class="quiet"
      ?disabled=${view.viewport.zoom === 1}
      @click=${() => setView(app, { viewport: homeViewport })}
    >
      ${Math.round(view.viewport.zoom * 100)} %
    </button>
    <button class="quiet" @click=${act(app, () => downloadReconstruction(app, state.active))}>
      ${icon("download")} Save PNG
    </button>
    <button class="quiet" @click=${act(app, () => downloadIds(app, state.active))}>${icon("download")} Save ids</button>
    <button class="quiet" @click=${act(app, () => copyIds(app, state.active))}>${icon("copy")} Copy ids</button>
    <button class="quiet" @click=${act(app, () => copyLink(app))}>${icon("link")} Copy link</button>
  </div>`;
}

/** The image of a stage, or its difference from the original. */
export function shownImage(encoded: Encoded, stage: Stage, view: ViewState): DecodedImage | null {
  const shown = stageImage(encoded, stage)?.image ?? null;
  const original = encoded.stages.original?.image;
  if (!view.errors || stage === "original" || !shown || !original) return shown;
  return errorMap(shown, original, view.gain);
}

function tiles(app: App, view: ViewState, { encoded, busy }: OpenedTokenizer): TemplateResult {
  const present = stages.filter((stage) => encoded!.image !== null || stage === "quantized" || stage === "rectified");
  return html`<div
    class="tiles"
    @rv-viewport=${(event: CustomEvent<Viewport>) => setView(app, { viewport: event.detail })}
  >
    ${present.map(
      (stage) =>
        html`<figure class="tile">
          <rv-pane
            class="stage"
            role="img"
            aria-label="${stageNames[stage]}${view.errors && stage !== "original" ? ", error map" : ""}"
            aria-busy=${busy && !stageImage(encoded, stage)}
            .image=${shownImage(encoded!, stage, view)}
            .viewport=${view.viewport}
          ></rv-pane>
          <figcaption>
            <b>${stageNames[stage]}</b>
            <span class="note">${stageNotes[stage]}</span>
            ${scores(stageImage(encoded, stage), stage)}
          </figcaption>
        </figure>`,
    )}
  </div>`;
}

export function scores(shown: StageImage | null, stage: Stage): View {
  if (stage === "original") return nothing;
  return html`<span class="scores"
    ><span title="Peak signal-to-noise ratio to the original, over RGB"
      >PSNR <b>${decibels(shown?.metrics?.psnr)}</b> dB</span
    >
    <span title="Structural similarity to the original">SSIM <b>${fixed(shown?.metrics?.ssim, 3)}</b></span></span
  >`;
}

function slider(app: App, view: ViewState, { encoded }: OpenedTokenizer): TemplateResult {
  return html`<div class="slider-wrap">
    <rv-compare
      class="stage"
      .image=${shownImage(encoded!, view.left, view)}
      .second=${shownImage(encoded!, view.right, view)}
      .viewport=${view.viewport}
      .split=${view.split}
      @rv-viewport=${(event: CustomEvent<Viewport>) => setView(app, { viewport: event.detail })}
      @rv-split=${(event: CustomEvent<number>) => setView(app, { split: event.detail })}
    ></rv-compare>
    <div class="slider-captions">
      <span><b>${stageNames[view.left]}</b> ${scores(stageImage(encoded, view.left), view.left)}</span>
      <span><b>${stageNames[view.right]}</b> ${scores(stageImage(encoded, view.right), view.right)}</span>
    </div>
  </div>`;
}

function facts(app: App, opened: OpenedTokenizer, { tokens, edited, milliseconds: time }: Encoded): TemplateResult {
  const { description } = opened;
  const size = description.config.imageSize;
  return html`<dl class="stats">
    ${stat("Bits per image", whole(description.bitsPerImage))}
    ${size === null ? nothing : stat("Bits per pixel", fixed(description.bitsPerImage / size ** 2, 3))}
    ${stat("Tokens", whole(description.layout.count))}
    ${stat("Latent mse, quantized", fixed(tokens?.latentMse.quantized, 4), "Standardized, per element")}
    ${stat("Latent mse, rectified", fixed(tokens?.latentMse.rectified, 4), "Standardized, per element")}
    ${stat("Time", time === null ? (opened.busy ? "running…" : "–") : milliseconds(time), "Encode, and decode three times")}
    ${
      edited
        ? html`<div class="stat edited">
            <dt>Edited tokens</dt>
            <dd>
              <button class="quiet" @click=${act(app, () => resetIds(app, app.store.state.active))}>
                ${icon("undo")} Reset
              </button>
            </dd>
          </div>`
        : nothing
    }
  </dl>`;
}
