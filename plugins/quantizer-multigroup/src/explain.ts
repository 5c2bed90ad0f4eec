/** Says why open options were chosen, one sentence each. */
import { blockShape, latentSize } from "@revq/core";
import { transformFor, type Choice, type Request } from "./grouping.js";
import type { MultigroupOptions } from "./options.js";

export function explain(chosen: Choice, options: MultigroupOptions, request: Request): string[] {
  const { latentShape: shape, samples, bits: budget } = request;
  const { tokens, codes, split, grouping, groups, samplesPerCode, bits } = chosen;
  const dim = latentSize(shape) / tokens;
  const reasons: string[] = [];
  if (options.tokens === undefined || options.codes === undefined) {
    const asked = budget === null ? "" : budget === bits ? ", the budget" : `, for a budget of ${budget}`;
    reasons.push(
      `${tokens} tokens of ${plural(dim, "element")} with ${codes} codes each: ${formatBits(bits)} bits per image${asked}.`,
    );
  }
  const { block, decorrelated } = transformFor(tokens, request);
  if (split === "eigenvalue" && decorrelated) {
    reasons.push(
      `Tokens are coefficients of blocks of ${block.join(" x ")} positions, allocated so that all tokens vary alike.`,
    );
  } else if (options.split === "auto") {
    reasons.push(
      split === "block"
        ? `Tokens are patches of ${blockShape(shape, dim).join(" x ")} positions of a channel, which quantize better than strips.`
        : split === "spatial"
          ? `Tokens are parts of channel vectors, ${plural(dim, "element")} each.`
          : `Tokens are strips of ${plural(dim, "position")} of a channel: no patch of that size tiles the map.`,
    );
  }
  if (options.groups === "auto" && split === "eigenvalue") {
    reasons.push(
      `${groups === 1 ? "All tokens share a codebook" : `Tokens that vary alike share ${plural(groups, "codebook")}`}: ` +
        `${formatNumber(samplesPerCode)} training samples per code.`,
    );
  } else if (options.groups === "auto") {
    const own = samples / codes;
    reasons.push(
      grouping === "token"
        ? `Every token has a codebook of its own: ${formatNumber(own)} training samples per code.`
        : `Tokens of ${split === "spatial" || split === "patch" ? "the same channels" : "one channel"} share a codebook (${groups} in all): ${formatNumber(samplesPerCode)} training ` +
            `samples per code instead of ${formatNumber(own)}.`,
    );
  }
  return reasons;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

export function formatBits(bits: number): string {
  return Number.isInteger(bits) ? `${bits}` : bits.toFixed(1);
}

function formatNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
