/** What views of stages share: names, images, scores, and changes of how they are looked at. */
import { html, nothing } from "lit";
import type { DecodedImage } from "@revq/tokenizer";
import type { Stage } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { errorMap } from "../elements/image-canvas.js";
import { decibels, fixed } from "../format.js";
import { stageImage, type Encoded, type StageImage, type ViewState } from "../state.js";
import { term } from "./glossary.js";
import type { View } from "./parts.js";

export const stageNames: Record<Stage, string> = {
  original: "Original",
  vae: "VAE alone",
  quantized: "Quantized",
  rectified: "Rectified",
};

export function setView(app: App, change: Partial<ViewState>): void {
  app.store.set(({ view }) => ({ view: { ...view, ...change } }));
}

/** The image of a stage, or its difference from the original. */
export function shownImage(encoded: Encoded | null, stage: Stage, view: ViewState): DecodedImage | null {
  return difference(stageImage(encoded, stage)?.image, encoded?.stages.original?.image, stage, view);
}

export function difference(
  image: DecodedImage | undefined,
  original: DecodedImage | undefined,
  stage: Stage,
  view: ViewState,
): DecodedImage | null {
  if (!view.errors || stage === "original" || !image || !original) return image ?? null;
  return errorMap(image, original, view.gain);
}

export function scores(shown: StageImage | null, stage: Stage): View {
  if (stage === "original") return nothing;
  return html`<span class="scores"
    ><span>${term("PSNR")} <b>${decibels(shown?.metrics?.psnr)}</b> dB</span>
    <span>${term("SSIM")} <b>${fixed(shown?.metrics?.ssim, 3)}</b></span></span
  >`;
}
