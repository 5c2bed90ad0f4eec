/**
 * The README.md of a tokenizer folder: its training data, its cost in bits, its quality next to the
 * VAE alone.
 */
import { decimals } from "@revq/report";
import type { DecoderConfig, TokenizerConfig } from "@revq/tokenizer";
import { choiceSentence } from "../plan/choice.js";
import { gapText } from "../evaluation/training-gap.js";
import type { LatentError, TrainResult } from "./records.js";

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
  return `# A revq tokenizer

| | |
|---|---|
| backbone | ${backboneText(config.backbone)} |
| latent | ${config.latentShape.join(" x ")} (c, h, w)${config.imageSize ? `, images of ${config.imageSize} x ${config.imageSize}` : ""} |
| metric | ${metricLine(config, result)} |
| transform, quantizer, rectifier | \`${config.transform.id}\`, \`${config.quantizer.id}\`, \`${config.rectifier.id}\` |
${config.decoder ? `| decoder | ${decoderText(config.decoder)} |\n` : ""}| tokens per image | ${tokens.tokens} in ${tokens.groups} groups, ${codes} codes each |
${result.choice ? `| choice | ${choiceSentence(result.choice)} |\n` : ""}| bits per image | ${tokens.bitsPerImage.toFixed(0)}${priorText(result)} |
| trained on | ${trainedOn}; ${result.samplesPerCode.toFixed(1)} samples per code |
| recipe, seed | ${config.training.recipe}${config.training.preset ? ` (preset ${config.training.preset})` : ""}, ${config.training.seed} |

Measured on ${heldOut}:

${qualityTable(result)}

${gapText(result)}
Codes in use on the training data: ${(100 * result.usage).toFixed(1)} %, perplexity ${result.perplexity.toFixed(1)}.

${usage}

An image is ${tokens.tokens} ids, int32 \`[n, ${tokens.tokens}]\` in token order. An id names a code of its token's group.
As one vocabulary there are ${tokens.vocabulary} ids: the offset of the group plus the code. \`layout\` in \`config.json\` has the
group of every token, the offsets, and where tokens lie.
`;
}

/** What ids cost to model. */
function priorText({ prior, tokens, bitsPerImage }: TrainResult): string {
  if (!prior) return "";
  const [nominal, modelled] = [bitsPerImage / tokens, prior.bitsPerToken];
  return `; ${prior.bitsPerImage.toFixed(0)} under a small prior: ${modelled.toFixed(2)} of ${nominal.toFixed(2)} bits a token`;
}

/** A VAE, or the encoder of one and the decoder of another. */
export function backboneText(backbone: TokenizerConfig["backbone"]): string {
  if (!backbone) return "none: it maps latents to ids and back";
  const { decoder, embedded } = backbone;
  const part = ({ id, weights }: { readonly id: string; readonly weights: string | null }): string =>
    `\`${id}\`${weights ? `, weights \`${weights}\`` : ""}`;
  const both = decoder ? `encoder of ${part(backbone)}; decoder of ${part(decoder)}` : part(backbone);
  return `${both}${embedded ? " (inside `model.safetensors`)" : ""}`;
}

/** The tokenizer beside the VAE alone, and beside itself with the VAE's own decoder where that was adapted. */
function qualityTable(result: TrainResult): string {
  const { vae, oldDecoder, latentMse, latentMseTrain } = result;
  const row = (label: string, value: string, old: string, ofVae: string): string =>
    `| ${[label, value, ...(oldDecoder ? [old] : []), ofVae].join(" | ")} |`;
  const quality = (label: string, key: "psnr" | "ssim" | "lpips", digits: number): string =>
    row(label, decimals(result[key], digits), decimals(oldDecoder?.[key], digits), decimals(vae?.[key], digits));
  const errors = ({ quantized, rectified }: LatentError): string => `${quantized.toFixed(4)} / ${rectified.toFixed(4)}`;
  const [latent, training] = [errors(latentMse), errors(latentMseTrain)];
  return [
    row("", "this tokenizer", "with the VAE's own decoder", "the VAE alone"),
    row("---", "---", "---", "---"),
    quality("PSNR, dB", "psnr", 2),
    ...(result.ssim === null ? [] : [quality("SSIM", "ssim", 3)]),
    ...(result.lpips === null ? [] : [quality("LPIPS", "lpips", 4)]),
    row("latent mse (standardized), quantized / rectified", latent, "the same", "0"),
    row("the same on training data", training, "the same", "0"),
  ].join("\n");
}

function decoderText({ mode, rank }: DecoderConfig): string {
  const what = { all: "all of it", last: "its last stages", lora: `a change of rank ${rank} of its matrices` }[mode];
  return `the VAE's, adapted: ${what}`;
}

/** The metric, and how much each channel matters. */
function metricLine({ metric }: TokenizerConfig, { channelShares }: TrainResult): string {
  if (!channelShares) return metric;
  const shares = channelShares.map((share) => (100 * share).toFixed(1)).join(", ");
  return `${metric}: an error of one standard deviation in every channel costs the picture ${shares} %`;
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
