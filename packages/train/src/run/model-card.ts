/**
 * The README.md of a tokenizer folder: its training data, its cost in bits, its quality next to the
 * VAE alone.
 */
import { decimals } from "@revq/report";
import type { TokenizerConfig } from "@revq/tokenizer";
import type { TrainResult } from "./records.js";

export interface ModelCardInput {
  readonly config: TokenizerConfig;
  readonly result: TrainResult;
  readonly trainedOn: string;
  readonly heldOut: string;
  /** How to use the tokenizer, in Markdown. Default: a short program. */
  readonly usage?: string;
}

export function modelCard({
  config,
  result,
  trainedOn,
  heldOut,
  usage = programUsage(config),
}: ModelCardInput): string {
  const { tokens } = config;
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
| transform, quantizer, rectifier | \`${config.transform.id}\`, \`${config.quantizer.id}\`, \`${config.rectifier.id}\` |
| tokens per image | ${tokens.tokens} in ${tokens.groups} groups, ${codes} codes each |
| bits per image | ${tokens.bitsPerImage.toFixed(0)} |
| trained on | ${trainedOn}; ${result.samplesPerCode.toFixed(1)} samples per code |
| recipe, seed | ${config.training.recipe}${config.training.preset ? ` (preset ${config.training.preset})` : ""}, ${config.training.seed} |

Measured on ${heldOut}:

| | this tokenizer | the VAE alone |
|---|---|---|
| PSNR, dB | ${decimals(result.psnr, 2)} | ${decimals(result.vae?.psnr, 2)} |
| SSIM | ${decimals(result.ssim, 3)} | ${decimals(result.vae?.ssim, 3)} |
${result.lpips === null ? "" : `| LPIPS | ${decimals(result.lpips, 4)} | ${decimals(result.vae?.lpips, 4)} |\n`}| latent mse (standardized), quantized / rectified | ${result.latentMse.quantized.toFixed(4)} / ${result.latentMse.rectified.toFixed(4)} | 0 |

Codes in use on the training data: ${(100 * result.usage).toFixed(1)} %, perplexity ${result.perplexity.toFixed(1)}.

${usage}

An image is ${tokens.tokens} ids, int32 \`[n, ${tokens.tokens}]\` in token order. An id names a code of its token's group.
A flat id is the id plus the number of codes of all earlier tokens; there are ${tokens.vocabulary} of them.
`;
}

function programUsage({ backbone }: TokenizerConfig): string {
  const use = backbone
    ? `const ids = await tokenizer.encode(image); // { width, height, data }
const [decoded] = await tokenizer.decode(ids);`
    : "const ids = await tokenizer.encodeLatents(latents); // [n, h, w, c]";
  return `\`\`\`js
import { Tokenizer } from "@revq/tokenizer";

const tokenizer = await Tokenizer.load(".");
${use}
\`\`\``;
}
