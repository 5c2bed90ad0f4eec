/**
 * Chooses what the user left open: how many tokens and codes, what a token is, which tokens share a codebook.
 *
 * Measured on 8,000 latents of real photographs (32 x 8 x 8; validation error of k-means):
 * - At equal bits fewer, larger tokens with more codes are better: 2048 bits .315 (256 tokens, 256 codes) against .352 (512, 16);
 *   5120 bits .056 (512, 1024) against .070 (1024, 32); 1280 bits .459 (128, 1024) against .495 (256, 32).
 * - Codebooks that a channel's tokens share are better than one per token where samples are few: .270 against .278 with 16
 *   samples per code of a token, .193 against .196 with 125, no difference with 500 (ten crops of each photograph).
 * - Patches inside a channel are better than strips, and those than parts of the channel vector: .270, .272, .298.
 * - Coefficients of `dct-klt`, dealt out by variance, are better than all of these, and the more so the more tokens share a codebook:
 *   256 tokens of 512 codes give .2181 with a codebook per token (16 samples per code), .2120 with 63, .2097 with 250, .2091 with 1000;
 *   512 tokens of 1024 codes .0469 (8), .0435 (31), .0420 (125), .0415 (500). One codebook for all is worse again (.2137).
 */
import {
  RevqError,
  blockShape,
  divisors,
  latentSize,
  tokenDimension,
  type LatentShape,
  type QuantizerPlan,
  type TokenSplit,
} from "@revq/core";
import { assignGroups, channelGroups, type Grouping, type MultigroupSplit } from "./layout.js";
import { coversMap, findTransform, requireTransform } from "./transform/geometry.js";
import type { DecidedOptions, MultigroupInput, MultigroupOptions } from "./options.js";

export interface PlanInput {
  readonly options: MultigroupOptions;
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly bits?: number;
}

/** A choice of everything, and what it comes to. */
interface Candidate {
  readonly tokens: number;
  readonly codes: number;
  readonly split: MultigroupSplit;
  readonly grouping: Grouping;
  readonly groups: number;
  readonly samplesPerCode: number;
  readonly bits: number;
}

/** A centroid wants 30 to 50 samples. */
const wantedSamplesPerCode = 30;
/** Codebooks of dealt coefficients are shared until there are so many. Fewer codes are preferred to fewer than `least`. */
const balancedSamplesPerCode = { wanted: 500, least: 100 };
const defaultDimension = 8;
/** Beyond this k-means needs more samples than anybody has. */
const largestDimension = 64;
const defaultCodes = { least: 2 ** 4, most: 2 ** 10 };
const budgetCodes = { least: 2 ** 4, most: 2 ** 16 };
/** Totals that differ by less are equal: the better layout decides. */
const budgetTolerance = 0.03;
/** So much of a budget is given up, if need be, for enough samples per code. */
const budgetForSamples = 0.2;

/**
 * @throws RevqError `bits-and-tokens-and-codes` when all three are given, `bits-impossible` when no choice comes to the budget,
 *   and those of `createLayout`
 */
export function planMultigroup({
  options: given,
  latentShape,
  samples,
  bits,
}: PlanInput): QuantizerPlan<MultigroupInput> {
  const options: DecidedOptions = { ...given, transform: decideTransform(given.transform, latentShape) };
  const chosen =
    bits === undefined
      ? chooseFreely(options, latentShape, samples)
      : chooseForBudget(options, latentShape, samples, bits);
  return {
    options: { ...options, tokens: chosen.tokens, codes: chosen.codes, split: chosen.split, groups: chosen.grouping },
    reasons: explain(chosen, options, latentShape, samples, bits),
  };
}

/**
 * Coefficients of a transform of the whole map quantize better than the latent itself. Blocks of a larger map do too, by latent error, but
 * their seams show: 32 x 32 cells of a linear VAE at 10,240 bits gave 22.50 dB with blocks of 8 x 8 and 23.46 dB without a transform.
 */
function decideTransform(transform: MultigroupOptions["transform"], shape: LatentShape): DecidedOptions["transform"] {
  if (transform !== "auto") return transform;
  return coversMap(shape) ? "dct-klt" : "none";
}

function chooseFreely(options: DecidedOptions, shape: LatentShape, samples: number): Candidate {
  const tokens = options.tokens ?? defaultTokens(options, shape);
  tokenDimension(shape, tokens); // for its error
  const candidate = (codes: number): Candidate => describe(options, shape, samples, tokens, codes);
  if (options.codes !== undefined) return candidate(options.codes);
  let codes = defaultCodes.most;
  while (codes > defaultCodes.least && candidate(codes).samplesPerCode < enoughSamples(options)) codes /= 2;
  return candidate(codes);
}

function enoughSamples(options: DecidedOptions): number {
  return isBalanced(options) ? balancedSamplesPerCode.least : wantedSamplesPerCode;
}

function isBalanced({ transform, split }: DecidedOptions): boolean {
  return split === "balanced" || (split === "auto" && transform !== "none");
}

/** Tokens of 8 numbers, or as near to that (as a ratio) as the latent allows. */
function defaultTokens(options: DecidedOptions, shape: LatentShape): number {
  const choices = tokenChoices(options, shape);
  const distance = (tokens: number): number => Math.abs(Math.log(latentSize(shape) / tokens / defaultDimension));
  return choices.reduce((best, tokens) => (distance(tokens) < distance(best) ? tokens : best));
}

function chooseForBudget(options: DecidedOptions, shape: LatentShape, samples: number, bits: number): Candidate {
  if (options.tokens !== undefined && options.codes !== undefined) {
    throw new RevqError(
      "bits-and-tokens-and-codes",
      `A budget of ${bits} bits was given together with ${options.tokens} tokens and ${options.codes} codes, which come to ` +
        `${formatBits(options.tokens * Math.log2(options.codes))} bits per image.`,
      { fix: "Leave out --bits, or one of --tokens and --codes." },
    );
  }
  const tokenCounts = options.tokens === undefined ? tokenChoices(options, shape) : [options.tokens];
  const codeCounts = options.codes === undefined ? powersOfTwo(budgetCodes.least, budgetCodes.most) : [options.codes];
  const pairs = tokenCounts.flatMap((tokens) =>
    codeCounts.map((codes) => ({ tokens, codes, total: tokens * Math.log2(codes) })),
  );
  const totals = pairs.map(({ total }) => total).sort((a, b) => a - b);
  const nearest = totals.findLast((total) => total <= bits);
  if (nearest === undefined || bits > totals.at(-1)!) {
    const [end, known] = nearest === undefined ? [totals[0]!, "smallest"] : [totals.at(-1)!, "largest"];
    const fixed = options.tokens
      ? ` with ${options.tokens} tokens`
      : options.codes
        ? ` with ${options.codes} codes`
        : "";
    throw new RevqError(
      "bits-impossible",
      `A budget of ${bits} bits per image is not possible for this latent${fixed}: the ${known} is ${formatBits(end)}.`,
      { fix: `Use --bits ${formatBits(end)}${fixed ? ", or leave the number of tokens and codes open" : ""}.` },
    );
  }
  const near = pairs
    .filter(({ total }) => total <= bits && total >= nearest * (1 - budgetForSamples))
    .map(({ tokens, codes }) => describe(options, shape, samples, tokens, codes));
  const enough = near.filter(({ samplesPerCode }) => samplesPerCode >= enoughSamples(options));
  if (enough.length > 0) return best(enough, (a, b) => a.tokens < b.tokens);
  return best(near, (a, b) => a.samplesPerCode > b.samplesPerCode);
}

/** The one with the most bits; of those with about as many the best. */
function best(candidates: readonly Candidate[], isBetter: (a: Candidate, b: Candidate) => boolean): Candidate {
  const most = candidates.reduce((bits, candidate) => Math.max(bits, candidate.bits), 0);
  return candidates
    .filter(({ bits }) => bits >= most * (1 - budgetTolerance))
    .reduce((a, b) => (isBetter(b, a) ? b : a));
}

/** Resolves split and groups for a number of tokens and codes. */
function describe(
  options: DecidedOptions,
  shape: LatentShape,
  samples: number,
  tokens: number,
  codes: number,
): Candidate {
  const { split, groups, transform } = options;
  const resolved = isBalanced(options) ? "balanced" : split === "auto" ? automaticSplit(shape, tokens) : split;
  if (resolved === "block") blockShape(shape, tokenDimension(shape, tokens)); // for its error
  if (transform !== "none") requireTransform(transform, shape, tokens);
  const automatic =
    resolved === "balanced"
      ? balancedGroups(options, shape, samples, tokens, codes)
      : samples / codes < wantedSamplesPerCode && channelGroups(shape, tokens, resolved) !== undefined
        ? "channel"
        : "token";
  const grouping = groups === "auto" ? automatic : groups;
  const groupCount = new Set(assignGroups(shape, tokens, resolved, grouping)).size;
  return {
    tokens,
    codes,
    split: resolved,
    grouping,
    groups: groupCount,
    samplesPerCode: (samples * tokens) / (groupCount * codes),
    bits: tokens * Math.log2(codes),
  };
}

/** As many codebooks as leave enough samples per code. Their number divides the tokens of a block: blocks share them. */
function balancedGroups(
  { transform }: DecidedOptions,
  shape: LatentShape,
  samples: number,
  tokens: number,
  codes: number,
): number {
  const geometry = transform === "none" ? undefined : findTransform(transform, shape, tokens);
  const most = (samples * tokens) / (codes * balancedSamplesPerCode.wanted);
  return divisors(tokens / (geometry?.blocks ?? 1)).findLast((groups) => groups <= most) ?? 1;
}

/** Patches, where there are any that are not strips. */
function automaticSplit(shape: LatentShape, tokens: number): TokenSplit {
  const dim = latentSize(shape) / tokens;
  return blockFits(shape, dim) && Math.min(...blockShape(shape, dim)) > 1 ? "block" : "channel";
}

/** Numbers of tokens whose tokens line up with the latent's channels or with a transform's blocks, ascending. */
function tokenChoices(options: DecidedOptions, shape: LatentShape): number[] {
  const { split, groups, transform } = options;
  const size = latentSize(shape);
  const choices = divisors(size).filter((tokens) => {
    const dim = size / tokens;
    if (dim > largestDimension || (typeof groups === "number" && groups > tokens)) return false;
    if (transform !== "none" && !findTransform(transform, shape, tokens)) return false;
    if (isBalanced(options)) return true;
    if (split === "block" && !blockFits(shape, dim)) return false;
    return channelGroups(shape, tokens, split === "auto" || split === "balanced" ? "channel" : split) !== undefined;
  });
  if (choices.length > 0) return choices;
  throw new RevqError(
    "no-tokens-fit",
    `No number of tokens fits this latent with split ${split} and groups ${groups}.`,
    {
      fix: "Use other values of split and groups.",
    },
  );
}

function blockFits({ height, width }: LatentShape, dim: number): boolean {
  return divisors(dim).some((rows) => height % rows === 0 && width % (dim / rows) === 0);
}

function powersOfTwo(least: number, most: number): number[] {
  return Array.from({ length: Math.log2(most / least) + 1 }, (_, i) => least * 2 ** i);
}

function explain(
  chosen: Candidate,
  options: DecidedOptions,
  shape: LatentShape,
  samples: number,
  budget: number | undefined,
): string[] {
  const { tokens, codes, split, grouping, groups, samplesPerCode, bits } = chosen;
  const dim = latentSize(shape) / tokens;
  const reasons: string[] = [];
  if (options.tokens === undefined || options.codes === undefined) {
    const asked = budget === undefined ? "" : budget === bits ? ", the budget" : `, for a budget of ${budget}`;
    reasons.push(
      `${tokens} tokens of ${plural(dim, "number")} with ${codes} codes each: ${formatBits(bits)} bits per image${asked}.`,
    );
  }
  if (split === "balanced" && options.transform !== "none") {
    const { block } = requireTransform(options.transform, shape, tokens);
    reasons.push(
      `Tokens are coefficients of the transform ${options.transform} of ${block.join(" x ")} cells, dealt out so that all tokens vary alike.`,
    );
  } else if (options.split === "auto") {
    reasons.push(
      split === "block"
        ? `Tokens are patches of ${blockShape(shape, dim).join(" x ")} cells inside a channel, which quantize better than strips.`
        : `Tokens are strips of ${plural(dim, "cell")} inside a channel: no patch of that size tiles the map.`,
    );
  }
  if (options.groups === "auto" && split === "balanced") {
    reasons.push(
      `${groups === 1 ? "All tokens share a codebook" : `Tokens that vary alike share ${plural(groups, "codebook")}`}: ` +
        `${formatNumber(samplesPerCode)} training samples per code.`,
    );
  } else if (options.groups === "auto") {
    const own = samples / codes;
    reasons.push(
      grouping === "token"
        ? `Every token has a codebook of its own: ${formatNumber(own)} training samples per code.`
        : `Tokens of one channel share a codebook (${groups} in all), because one codebook per token would leave ` +
            `${formatNumber(own)} training samples per code; shared it is ${formatNumber(samplesPerCode)}.`,
    );
  }
  return reasons;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function formatBits(bits: number): string {
  return Number.isInteger(bits) ? `${bits}` : bits.toFixed(1);
}

function formatNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
