/** Terms that explain themselves on tap, on focus and under the pointer. The words are those of docs/glossary.md. */
import { html, type TemplateResult } from "lit";

export const glossary = {
  PSNR: "Peak signal-to-noise ratio to the original, in decibels over RGB. Higher is better; 6 dB are half the error.",
  SSIM: "Structural similarity to the original, at most 1. Higher is better.",
  VAE: "The pretrained autoencoder that turns images into latents and back. It is the limit of every tokenizer on this VAE.",
  "bits per pixel": "Bits per image divided by the pixels of the image. Pixels themselves have 24.",
  rectified: "Quantized latents after the rectifier, a small network that reduces the error of quantization.",
  perplexity: "2 to the entropy of the ids of a group: how many codes are used in effect.",
  "latent mse": "Mean squared error per element of a standardized latent, quantized or rectified.",
} as const;

/** The term as a button; its text is shown beside it while it has focus or the pointer. */
export function term(name: keyof typeof glossary, text: string = name): TemplateResult {
  return html`<span class="term"
    ><button type="button" aria-label="${text}: ${glossary[name]}">${text}</button
    ><span class="explanation" aria-hidden="true">${glossary[name]}</span></span
  >`;
}
