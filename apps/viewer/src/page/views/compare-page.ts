/** Two tokenizers on the same image. */
import { html, nothing, type TemplateResult } from "lit";
import type { Slot, Stage } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { codesText, decibels, fixed, milliseconds, percent, whole } from "../format.js";
import { openedOf, stageImage, type OpenedTokenizer, type ViewerState, type Viewport } from "../state.js";
import { usageOf } from "../usage.js";
import { icon } from "./icons.js";
import { shownImage, stageNames } from "./stage-parts.js";
import { problemBox, select } from "./parts.js";
import { openPanel } from "./open-dialog.js";

export function comparePage(app: App, state: ViewerState): TemplateResult {
  const [a, b] = [openedOf(state, "a"), openedOf(state, "b")];
  if (!a) return html`<p class="hint">Open a tokenizer first.</p>`;
  if (!b) return second(app, state);
  const { view } = state;
  const set = (change: Partial<typeof view>): void => app.store.set({ view: { ...view, ...change } });
  const stage: Stage = view.right === "original" ? "rectified" : view.right;
  const sameSize = a.description.config.imageSize === b.description.config.imageSize;
  return html`<div class="tools">
      ${select(
        "Show",
        (["rectified", "quantized", "vae"] as const).map((one) => [one, stageNames[one]] as const),
        stage,
        (right) => set({ right }),
      )}
      <label class="check"
        ><input
          type="checkbox"
          .checked=${view.errors}
          @change=${(event: Event) => set({ errors: (event.target as HTMLInputElement).checked })}
        />Difference</label
      >
      <span class="spring"></span>
      <span class="note">Drag the divider; pinch, or Ctrl and wheel, to zoom.</span>
    </div>
    ${[a, b].map(({ problem }) => (problem ? problemBox(problem) : nothing))}
    ${
      sameSize
        ? nothing
        : html`<p class="note">
            The two were trained at different sizes (${a.description.config.imageSize ?? "–"} and
            ${b.description.config.imageSize ?? "–"} pixels); each is shown at its own.
          </p>`
    }
    <div class="compare-layout">
      ${
        a.encoded && b.encoded && a.description.backbone !== null && b.description.backbone !== null
          ? html`<div class="slider-wrap">
              <rv-compare
                class="stage"
                .image=${shownImage(a.encoded, stage, view)}
                .second=${shownImage(b.encoded, stage, view)}
                .viewport=${view.viewport}
                .split=${view.split}
                @rv-viewport=${(event: CustomEvent<Viewport>) => set({ viewport: event.detail })}
                @rv-split=${(event: CustomEvent<number>) => set({ split: event.detail })}
              ></rv-compare>
              <div class="slider-captions"><b>A · ${a.description.name}</b><b>B · ${b.description.name}</b></div>
            </div>`
          : html`<p class="hint">Choose an image to see both.</p>`
      }
      ${table(a, b, stage)}
    </div>`;
}

function second(app: App, state: ViewerState): TemplateResult {
  const slot = state.b;
  return html`<div class="centred">
    ${slot.status === "failed" ? problemBox(slot.problem) : nothing}
    ${
      slot.status === "loading"
        ? html`<p class="hint">Opening ${slot.name}…</p>`
        : html`<section class="card welcome">
            <h2>${icon("plus")} Compare with another tokenizer</h2>
            <p>Another run of an ablation, or another preset: both show the same image.</p>
            ${openPanel(app, state, "b")}
          </section>`
    }
  </div>`;
}

interface Row {
  readonly label: string;
  readonly text: (opened: OpenedTokenizer) => string;
  /** Larger (1) or smaller (-1) is better; 0: neither. */
  readonly better: 1 | -1 | 0;
  readonly value?: (opened: OpenedTokenizer) => number | undefined;
}

function rows(stage: Stage): Row[] {
  const metrics = (opened: OpenedTokenizer, of: Stage) => stageImage(opened.encoded, of)?.metrics ?? undefined;
  const number = (
    label: string,
    better: Row["better"],
    value: (opened: OpenedTokenizer) => number | undefined,
    text: (value: number | undefined) => string,
  ): Row => ({ label, better, value, text: (opened) => text(value(opened)) });
  const digits = (count: number) => (value: number | undefined) => fixed(value, count);
  const usage = (opened: OpenedTokenizer): number | undefined => {
    const groups = usageOf(opened.counts, opened.description.layout.codebookSizes, opened.counted);
    return opened.counted.size === 0
      ? undefined
      : groups.reduce((sum, { used }) => sum + used, 0) / opened.counts.length;
  };
  return [
    { label: "Backbone", better: 0, text: ({ description }) => description.backbone ?? "none" },
    { label: "Quantizer", better: 0, text: ({ description }) => description.config.quantizer.id },
    { label: "Rectifier", better: 0, text: ({ description }) => description.config.rectifier.id },
    {
      label: "Decoder",
      better: 0,
      text: ({ description: { config } }) => (config.decoder ? `adapted (${config.decoder.mode})` : "the VAE's own"),
    },
    { label: "Tokens", better: 0, text: ({ description }) => whole(description.layout.count) },
    { label: "Codebooks", better: 0, text: ({ description }) => codesText(description.layout.codebookSizes) },
    number(
      "Bits per image",
      -1,
      ({ description }) => description.bitsPerImage,
      (value) => whole(value!),
    ),
    number(`PSNR, dB (${stageNames[stage]})`, 1, (opened) => metrics(opened, stage)?.psnr, decibels),
    number(`SSIM (${stageNames[stage]})`, 1, (opened) => metrics(opened, stage)?.ssim, digits(3)),
    number("PSNR, dB (VAE alone)", 1, (opened) => metrics(opened, "vae")?.psnr, decibels),
    number("Latent mse, quantized", -1, ({ encoded }) => encoded?.report?.latentMse?.quantized, digits(4)),
    number("Latent mse, rectified", -1, ({ encoded }) => encoded?.report?.latentMse?.rectified, digits(4)),
    number("Codes seen in these images", 0, usage, (value) => (value === undefined ? "–" : percent(value))),
    {
      label: "Time",
      better: 0,
      text: ({ encoded }) => (typeof encoded?.milliseconds !== "number" ? "–" : milliseconds(encoded.milliseconds)),
    },
  ];
}

function table(a: OpenedTokenizer, b: OpenedTokenizer, stage: Stage): TemplateResult {
  const cell = (row: Row, own: OpenedTokenizer, other: OpenedTokenizer): TemplateResult => {
    const [mine, theirs] = [row.value?.(own), row.value?.(other)];
    const best = row.better !== 0 && mine !== undefined && theirs !== undefined && (mine - theirs) * row.better > 0;
    return html`<td class=${best ? "best" : ""}>${row.text(own)}</td>`;
  };
  const head = (slot: Slot, { description }: OpenedTokenizer): TemplateResult =>
    html`<th scope="col"><span class="letter">${slot.toUpperCase()}</span> ${description.name}</th>`;
  return html`<div class="card table-card">
    <table>
      <thead>
        <tr>
          <td></td>
          ${head("a", a)} ${head("b", b)}
        </tr>
      </thead>
      <tbody>
        ${rows(stage).map(
          (row) =>
            html`<tr>
              <th scope="row">${row.label}</th>
              ${cell(row, a, b)} ${cell(row, b, a)}
            </tr>`,
        )}
      </tbody>
    </table>
    <p class="legend">Better values are bold.</p>
  </div>`;
}
