/** The four stages beside each other, folded at first; their scores and figures. */
import { html, nothing, type TemplateResult } from "lit";
import { stages, type Stage } from "../../protocol/messages.js";
import { wantQuantized } from "../actions/wanted.js";
import type { App } from "../app.js";
import { fixed, milliseconds, whole } from "../format.js";
import { stageImage, type OpenedTokenizer, type ViewerState, type Viewport } from "../state.js";
import { term } from "./glossary.js";
import { scores, setView, shownImage, stageNames } from "./stage-parts.js";
import { stat } from "./parts.js";

const stageNotes: Record<Stage, string> = {
  original: "cropped to the tokenizer's size",
  vae: "without quantization",
  quantized: "from the ids, without the rectifier",
  rectified: "from the ids, with the rectifier",
};

export function stagesFold(app: App, state: ViewerState, opened: OpenedTokenizer): TemplateResult {
  const { view } = state;
  if (view.stages || view.left === "quantized" || view.right === "quantized") wantQuantized(app, state.active);
  return html`<details
    class="fold"
    ?open=${view.stages}
    @toggle=${(event: Event) => setView(app, { stages: (event.target as HTMLDetailsElement).open })}
  >
    <summary>The four stages, from the original to the image from the tokens</summary>
    ${view.stages ? html`${tiles(app, state, opened)} ${figures(opened)}` : nothing}
  </details>`;
}

function tiles(app: App, { view }: ViewerState, { encoded, busy, decoding }: OpenedTokenizer): TemplateResult {
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
            aria-label="${stageNames[stage]}${view.errors && stage !== "original" ? ", difference" : ""}"
            aria-busy=${(busy || decoding || stage === "quantized") && !stageImage(encoded, stage)}
            .image=${shownImage(encoded, stage, view)}
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

function figures(opened: OpenedTokenizer): TemplateResult {
  const { description, encoded, busy } = opened;
  const { report, milliseconds: time } = encoded!;
  return html`<dl class="stats">
    ${stat("Bits per image", whole(description.bitsPerImage))} ${stat("Tokens", whole(description.layout.count))}
    ${stat(html`${term("latent mse", "Latent mse")}, quantized`, fixed(report?.latentMse?.quantized, 4))}
    ${stat(html`${term("latent mse", "Latent mse")}, ${term("rectified")}`, fixed(report?.latentMse?.rectified, 4))}
    ${stat("Time", time === null ? (busy ? "running…" : "–") : milliseconds(time))}
  </dl>`;
}
