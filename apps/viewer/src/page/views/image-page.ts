/**
 * The first screen: a photo as tokens. One line, the original and the image from the tokens under one
 * slider, the picture of the tokens, three facts; below them the images at hand and, folded, all stages.
 */
import { html, nothing, type TemplateResult } from "lit";
import type { DecodedImage } from "@revq/tokenizer";
import { stages, type Stage } from "../../protocol/messages.js";
import { openTokenizer } from "../actions/tokenizers.js";
import type { App } from "../app.js";
import { decibels, fixed, size, whole } from "../format.js";
import { headline, storyOf, timesSmaller, type Story } from "../story.js";
import { term } from "./glossary.js";
import type { OpenedTokenizer, ViewerState, Viewport } from "../state.js";
import { imageStrip, pickButton } from "./image-strip.js";
import { imageTools } from "./image-tools.js";
import { footer } from "./footer.js";
import { difference, setView, stageNames } from "./stage-parts.js";
import { stagesFold } from "./stages-fold.js";
import { act, problemBox, segmented, slotSwitch, type View } from "./parts.js";
import { marksOf } from "./token-marks.js";
import { tokenPicture } from "./token-picture.js";

/** @param opened null while the bundled tokenizer is loading */
export function imagePage(app: App, state: ViewerState, opened: OpenedTokenizer | null): TemplateResult {
  if (opened?.description.noImages && opened.description.backbone === null) return noImages(app, opened);
  const story = storyOf(state, opened);
  const problem = opened?.problem ?? opened?.description.noImages ?? null;
  return html`<div class="story" data-result=${resultOf(opened)}>
    ${slotSwitch(app, state)} ${lead(app, state, story)} ${problem ? problemBox(problem) : nothing}
    ${story && (story.stages.original || opened?.encoded) ? pictures(app, state, opened, story) : nothing}
    ${imageStrip(app, state)}
    ${opened?.encoded ? html`${imageTools(app, state)} ${stagesFold(app, state, opened)}` : nothing} ${footer()}
  </div>`;
}

/** For tests and scripts: whether everything that is on screen was computed. */
function resultOf(opened: OpenedTokenizer | null): "none" | "busy" | "done" {
  if (!opened?.encoded) return "none";
  return opened.busy || opened.decoding ? "busy" : "done";
}

/** Says why there is no image, and what can be done. */
export function noImages(app: App, opened: OpenedTokenizer): TemplateResult {
  const problem = opened.description.noImages!;
  const normal = problem.code === "tokenizer-of-latents";
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
      normal ? "plain" : "error",
    )}
  </div>`;
}

function lead(app: App, state: ViewerState, story: Story | null): TemplateResult {
  return html`<div class="lead">
    <h2>${story ? `${headline(story)}.` : "Your photo as tokens."}</h2>
    <p>
      ${pickButton(app, "primary", "Choose a photo")}<span>or drop or paste one. It stays on this computer.</span>
      ${bundledChoice(app, state)}
    </p>
  </div>`;
}

/** Few or many bits: the bundled tokenizers, while one of them is shown. With the first paint it is there and waits. */
function bundledChoice(app: App, { a, b, bundled, paint }: ViewerState): View {
  const waits = a.status === "empty" && paint !== null;
  const name =
    a.status === "ready" || a.status === "failed"
      ? a.source.name
      : a.status === "loading"
        ? a.name
        : waits
          ? bundled[0]?.source.name
          : null;
  if (b.status !== "empty" || bundled.length < 2 || !bundled.some(({ source }) => source.name === name)) return nothing;
  const open = (wanted: string): void =>
    act(app, () => openTokenizer(app, "a", bundled.find(({ source }) => source.name === wanted)!.source))();
  return html`<span class="spring"></span>
    <div ?inert=${waits}>
      ${segmented(
        "Bytes for a photo",
        bundled.map(
          ({ source, tokens, bits }) => [source.name, `${size(bits / 8)} · ${whole(tokens)} tokens`] as const,
        ),
        name!,
        open,
      )}
    </div>`;
}

function pictures(app: App, state: ViewerState, opened: OpenedTokenizer | null, story: Story): TemplateResult {
  const { view } = state;
  const of = (stage: Stage): DecodedImage | null =>
    difference(story.stages[stage]?.image, story.stages.original?.image, stage, view);
  const waits = opened === null || opened.busy || opened.decoding;
  return html`<div class="pair">
      <figure>
        <rv-compare
          class="stage"
          aria-busy=${waits && !(story.stages[view.left] && story.stages[view.right])}
          .image=${of(view.left)}
          .second=${of(view.right)}
          .viewport=${view.viewport}
          .split=${view.split}
          .marks=${opened ? marksOf(state, opened) : []}
          .flash=${opened?.encoded?.changed ?? null}
          @rv-viewport=${(event: CustomEvent<Viewport>) => setView(app, { viewport: event.detail })}
          @rv-split=${(event: CustomEvent<number>) => setView(app, { split: event.detail })}
        ></rv-compare>
        ${pill(app, "left", view.left, story)} ${pill(app, "right", view.right, story)}
        <span class="pill keys" aria-hidden="true">← → divider · + − zoom · arrows move · 0 shows all</span>
      </figure>
      <figure>
        ${
          opened?.encoded
            ? opened.encoded.report
              ? tokenPicture(app, state, opened, opened.encoded)
              : builtPicture(story.map, opened.busy)
            : builtPicture(story.map, true)
        }
        <span class="pill left">Its tokens</span>
        <span class="pill keys" aria-hidden="true">arrows: the place beside · Home: the first token</span>
      </figure>
    </div>
    ${facts(story, opened)}`;
}

function builtPicture(map: DecodedImage | null, busy: boolean): TemplateResult {
  return html`<rv-picture
    class="token-map pending"
    role="img"
    aria-label="Picture of the tokens"
    aria-busy=${busy && !map}
    .image=${map}
  ></rv-picture>`;
}

/** A name on the picture, which is a choice of stage. */
function pill(app: App, side: "left" | "right", stage: Stage, { tokens }: Story): TemplateResult {
  const name = (one: Stage): string => (one === "rectified" ? `From ${whole(tokens)} tokens` : stageNames[one]);
  return html`<select
    class="pill ${side}"
    aria-label=${side === "left" ? "Picture on the left" : "Picture on the right"}
    @change=${(event: Event) => setView(app, { [side]: (event.target as HTMLSelectElement).value as Stage })}
  >
    ${stages.map((one) => html`<option value=${one} ?selected=${one === stage}>${name(one)}</option>`)}
  </select>`;
}

function facts(story: Story, opened: OpenedTokenizer | null): TemplateResult {
  const times = timesSmaller(story);
  const { psnr, vaePsnr, bitsPerPixel } = story;
  const waiting = opened === null || opened.busy ? "…" : "–";
  return html`<dl class="facts" aria-busy=${story.preliminary}>
    ${
      times === null || story.rawBytes === null
        ? fact(size(story.bytes), "for each image", nothing)
        : fact(`${times} × smaller`, `${size(story.bytes)} instead of ${size(story.rawBytes)} of pixels`, nothing)
    }
    ${fact(
      psnr === undefined ? waiting : `${decibels(psnr)} dB`,
      html`${term("PSNR")}${vaePsnr === undefined ? nothing : html`; its limit, the ${term("VAE")} alone, has ${decibels(vaePsnr)} dB`}`,
      nothing,
    )}
    ${bitsPerPixel === null ? nothing : fact(fixed(bitsPerPixel, 3), html`${term("bits per pixel")}`, nothing)}
  </dl>`;
}

function fact(value: string, label: View | string, more: View): TemplateResult {
  return html`<div class="fact">
    <dd>${value}</dd>
    <dt>${label} ${more}</dt>
  </div>`;
}
