/** Sentences for people about the picture stage. */
import type { PictureModelName, PictureRecord, PictureStageRecord } from "../run/records.js";
import type { SelectionScores } from "./select.js";

const names: Readonly<Record<PictureModelName, string>> = {
  identity: "no rectifier",
  latents: "the rectifier trained on latents",
  pictures: "the rectifier trained on pictures",
  decoder: "the rectifier and the adapted decoder",
};

/** "the rectifier trained on pictures, step 120: PSNR 21.20 dB, LPIPS 0.1660" */
export function pictureRecordText({ model, pictureStep, scores }: PictureRecord): string {
  const step = pictureStep > 0 ? `, step ${pictureStep}` : "";
  return `${names[model]}${step}: ${scoresText(scores)}`;
}

/** What was kept, for a page or a model card. */
export function pictureSentence({ kept, steps }: Pick<PictureStageRecord, "kept" | "steps">): string {
  const total = Object.values(steps).reduce((sum, count) => sum + count, 0);
  return `Of the models scored on held-out pictures, the run keeps ${names[kept]} (${total} picture steps in all).`;
}

function scoresText({ psnr, lpips, latent }: SelectionScores): string {
  return [
    ...(psnr === null ? [] : [`PSNR ${psnr.toFixed(2)} dB`]),
    ...(lpips === null ? [] : [`LPIPS ${lpips.toFixed(4)}`]),
    `latent mse ${latent.toFixed(4)}`,
  ].join(", ");
}
