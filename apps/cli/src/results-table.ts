/** Results as a table for people: a tokenizer's scores beside the VAE floor. */
import type { Evaluation, TrainResult } from "@revq/train";
import Table from "cli-table3";

type Scored = Pick<Evaluation, "bitsPerImage" | "latentMse" | "psnr" | "ssim" | "floor" | "usage" | "perplexity">;

export function resultsTable(scored: Scored, where: string): string {
  const table = new Table({
    head: ["", where, "VAE floor"],
    style: { head: [], border: [] },
    colAligns: ["left", "right", "right"],
  });
  const decimals = (value: number | null | undefined, digits: number): string =>
    value === null || value === undefined ? "–" : value.toFixed(digits);
  table.push(
    ["bits per image", scored.bitsPerImage.toFixed(0), "–"],
    ["latent mse, quantized", scored.latentMse.quantized.toFixed(4), "0"],
    ["latent mse, rectified", scored.latentMse.rectified.toFixed(4), "0"],
    ["PSNR, dB", decimals(scored.psnr, 2), decimals(scored.floor?.psnr, 2)],
    ["SSIM", decimals(scored.ssim, 3), decimals(scored.floor?.ssim, 3)],
    ["codebook usage", `${(100 * scored.usage).toFixed(1)} %`, "–"],
    ["codebook perplexity", scored.perplexity.toFixed(1), "–"],
  );
  return table.toString();
}

export function secondsLine({ extract, fitCodebooks, trainRectifier }: TrainResult["seconds"]): string {
  const part = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  return `encode ${part(extract)} s, codebooks ${part(fitCodebooks)} s, rectifier ${part(trainRectifier)} s`;
}
