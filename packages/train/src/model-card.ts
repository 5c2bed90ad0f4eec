/** The README.md of a tokenizer folder: what it was trained on, what it costs in bits, how good it is beside the VAE floor. */
import type { TokenizerConfig } from "@revq/tokenizer";
import type { TrainResult } from "./records.js";

export interface ModelCardInput {
  readonly config: TokenizerConfig;
  readonly result: TrainResult;
  readonly trainedOn: string;
  readonly heldOut: string;
}

export function modelCard({ config, result, trainedOn, heldOut }: ModelCardInput): string {
  const { tokens } = config;
  const decimals = (value: number | null | undefined, digits: number): string =>
    value === null || value === undefined ? "–" : value.toFixed(digits);
  const codes =
    typeof tokens.codes === "number"
      ? `${tokens.codes}`
      : `${Math.min(...tokens.codes)} to ${Math.max(...tokens.codes)}`;
  const backbone = config.backbone
    ? `\`${config.backbone.id}\`${config.backbone.weights ? `, weights \`${config.backbone.weights}\`` : ""}${config.backbone.embedded ? " (inside `model.safetensors`)" : ""}`
    : "none: it maps latents to ids and back";
  return `# A revq tokenizer

| | |
|---|---|
| backbone | ${backbone} |
| latent | ${config.latentShape.join(" x ")} (c, h, w)${config.imageSize ? `, images of ${config.imageSize} x ${config.imageSize}` : ""} |
| quantizer, rectifier | \`${config.quantizer.id}\`, \`${config.rectifier.id}\` |
| tokens per image | ${tokens.tokens} in ${tokens.groups} groups, ${codes} codes each |
| bits per image | ${tokens.bitsPerImage.toFixed(0)} |
| trained on | ${trainedOn}; ${result.samplesPerCode.toFixed(1)} samples per code |
| recipe, seed | ${config.training.recipe}${config.training.preset ? ` (preset ${config.training.preset})` : ""}, ${config.training.seed} |

Measured on ${heldOut}:

| | this tokenizer | the VAE without quantization |
|---|---|---|
| PSNR, dB | ${decimals(result.psnr, 2)} | ${decimals(result.floor?.psnr, 2)} |
| SSIM | ${decimals(result.ssim, 3)} | ${decimals(result.floor?.ssim, 3)} |
${result.lpips === null ? "" : `| LPIPS | ${decimals(result.lpips, 4)} | ${decimals(result.floor?.lpips, 4)} |\n`}| latent mse (standardized), quantized / rectified | ${result.latentMse.quantized.toFixed(4)} / ${result.latentMse.rectified.toFixed(4)} | 0 |

Codes used on the training images: ${(100 * result.usage).toFixed(1)} %, perplexity ${result.perplexity.toFixed(1)}.

\`\`\`sh
${
  config.backbone
    ? `revq encode . photo.jpg -o ids.npy
revq decode . ids.npy -o out`
    : "revq eval . --latents latents.npy"
}
\`\`\`

Token t of an image is one code of its group; ids are int32 \`[n, ${tokens.tokens}]\` in token order. A flat vocabulary of ${tokens.vocabulary} ids is
made by adding the number of codes of all tokens before (\`--offset-groups\`).
`;
}
