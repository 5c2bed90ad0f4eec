/** The slider of the first n tokens, what they cost and reach, and the film of it. */
import { html, nothing, type TemplateResult } from "lit";
import { saveFilm } from "../actions/film.js";
import { endReveal, pauseReveal, playReveal, revealTo, startReveal } from "../actions/reveal.js";
import type { App } from "../app.js";
import { decibels, size, whole } from "../format.js";
import { bytesOf, type RevealOrder } from "../reveal.js";
import type { Encoded, OpenedTokenizer, ViewerState } from "../state.js";
import { icon } from "./icons.js";
import { act, select } from "./parts.js";
import { groupWord } from "./token-picture.js";

/** With more groups, reading every codebook would take too long. */
const maxWeighed = 64;

export function revealBar(app: App, state: ViewerState, opened: OpenedTokenizer, encoded: Encoded): TemplateResult {
  const { active: slot } = state;
  const { layout } = opened.description;
  const { revealed } = encoded;
  if (!revealed) {
    return html`<div class="tools">
      <button ?disabled=${opened.busy} @click=${act(app, () => startReveal(app, slot, "group"))}>
        Reveal token by token
      </button>
    </div>`;
  }
  const { order, count, playing, shown, frames } = revealed;
  const orders: readonly (readonly [RevealOrder, string])[] = [
    ["group", `by ${groupWord(opened.description)}`],
    ...(layout.codebookSizes.length <= maxWeighed ? [["weight", "heaviest first"] as const] : []),
  ];
  const move = (event: Event): void =>
    act(app, () => revealTo(app, slot, (event.target as HTMLInputElement).valueAsNumber))();
  const all = order.length;
  const psnr = shown?.count === count ? shown.metrics?.psnr : undefined;
  return html`<div class="reveal" role="group" aria-label="Reveal">
    <label class="field"
      ><span>First tokens</span
      ><input
        type="range"
        min="0"
        max=${all}
        .value=${String(count)}
        @input=${move}
        aria-valuetext="${count} of ${all} tokens"
    /></label>
    <p class="reveal-facts">
      <b>${whole(count)}</b> of ${whole(all)} tokens ·
      <b>${size(bytesOf(order, count, layout.groupOf, layout.codebookSizes))}</b> · PSNR
      <b>${psnr === undefined ? "…" : decibels(psnr)}</b> dB
    </p>
    <div class="tools">
      ${
        playing
          ? html`<button @click=${() => pauseReveal(app, slot)}>Pause</button>`
          : html`<button class="primary" @click=${act(app, () => playReveal(app, slot))}>Play</button>`
      }
      ${select<RevealOrder>("Order", orders, revealed.by, (by) => act(app, () => startReveal(app, slot, by))())}
      ${
        frames.length > 1 && !playing
          ? html`<button class="quiet" @click=${act(app, () => saveFilm(app, frames))}>
              ${icon("download")} Save film
            </button>`
          : nothing
      }
      <span class="spring"></span>
      <button class="quiet" @click=${() => endReveal(app, slot)}>${icon("close")} End</button>
    </div>
  </div>`;
}
