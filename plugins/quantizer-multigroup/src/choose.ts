/**
 * Chooses open options: the number of tokens and codes, the split, and the tokens that share a codebook.
 *
 * Measured on 8,000 latents of real photographs (32 x 8 x 8; validation mse of k-means):
 * - At equal bits fewer, larger tokens with more codes are better. 2048 bits: .315 (256 tokens, 256 codes), .352 (512,
 *   16). 5120 bits: .056 (512, 1024), .070 (1024, 32). 1280 bits: .459 (128, 1024), .495 (256, 32).
 * - With few samples, a codebook per channel is better than one per token: .270 against .278 with 16 samples per code of
 *   a token, .193 against .196 with 125; equal with 500 (ten crops of each photograph).
 * - Patches of a channel are better than strips, and strips than parts of the channel vector: .270, .272, .298.
 * - Coefficients of `dct-klt`, allocated by variance, are better than all of these, and improve with the number of
 *   tokens that share a codebook. 256 tokens of 512 codes: .2181 with a codebook per token (16 samples per code), .2120
 *   with 63, .2097 with 250, .2091 with 1000. 512 tokens of 1024 codes: .0469 (8), .0435 (31), .0420 (125), .0415 (500).
 *   One codebook for all is worse again (.2137). Maps of other sizes want other numbers: they are candidates, and the
 *   trainer measures them.
 */
import { RevqError, divisors, latentSize, tokenDimension, type QuantizerCandidate } from "@revq/core";
import { explain, formatBits } from "./explain.js";
import {
  allocatesEigenvalues,
  alternatives,
  blockFits,
  describe,
  hasEnoughSamples,
  type Choice,
  type Request,
} from "./grouping.js";
import { channelGroups } from "./layout.js";
import type { MultigroupInput, MultigroupOptions } from "./options.js";

const defaultDimension = 8;
/** Beyond this, k-means needs more samples than anybody has. */
const maxDimension = 64;
const defaultCodes = { min: 2 ** 4, max: 2 ** 10 };
const budgetCodes = { min: 2 ** 4, max: 2 ** 16 };
/** Totals that differ by less are equal: the better layout decides. */
const budgetTolerance = 0.03;
/** The share of a budget that may be given up for enough samples per code. */
const budgetForSamples = 0.2;

/**
 * The best guess first, then layouts of as many tokens and codes that are worth measuring.
 *
 * @throws RevqError `bits-and-tokens-and-codes` when all three are given, `bits-impossible` when no choice fits the budget,
 *   `no-transform-fits`, and those of `createLayout`
 */
export function chooseMultigroup(
  options: MultigroupOptions,
  request: Request,
): readonly QuantizerCandidate<MultigroupInput>[] {
  const guess = chooseFirst(options, request);
  return [guess, ...alternatives(guess, options, request)].map((choice) => ({
    options: { ...options, tokens: choice.tokens, codes: choice.codes, split: choice.split, groups: choice.grouping },
    reasons: explain(choice, options, request),
  }));
}

function chooseFirst(options: MultigroupOptions, request: Request): Choice {
  const { keep, bits } = request;
  if (keep) return describe(options, request, keep.count, options.codes ?? keep.codebookSizes[0]!);
  return bits === null ? chooseFreely(options, request) : chooseForBudget(options, request, bits);
}

function chooseFreely(options: MultigroupOptions, request: Request): Choice {
  const tokens = options.tokens ?? defaultTokens(options, request);
  tokenDimension(request.latentShape, tokens); // for its error
  const candidate = (codes: number): Choice => describe(options, request, tokens, codes);
  if (options.codes !== undefined) return candidate(options.codes);
  let codes = defaultCodes.max;
  while (codes > defaultCodes.min && !hasEnoughSamples(candidate(codes))) codes /= 2;
  return candidate(codes);
}

/** Tokens of 8 elements, or as near to that (as a ratio) as the latent allows. */
function defaultTokens(options: MultigroupOptions, request: Request): number {
  const choices = tokenChoices(options, request);
  const distance = (tokens: number): number =>
    Math.abs(Math.log(latentSize(request.latentShape) / tokens / defaultDimension));
  return choices.reduce((best, tokens) => (distance(tokens) < distance(best) ? tokens : best));
}

function chooseForBudget(options: MultigroupOptions, request: Request, bits: number): Choice {
  if (options.tokens !== undefined && options.codes !== undefined) {
    throw new RevqError(
      "bits-and-tokens-and-codes",
      `A budget of ${bits} bits was given together with ${options.tokens} tokens and ${options.codes} codes, which come to ` +
        `${formatBits(options.tokens * Math.log2(options.codes))} bits per image.`,
      { fix: "Leave out the budget, or one of tokens and codes.", setting: { path: "bits" } },
    );
  }
  const tokenCounts = options.tokens === undefined ? tokenChoices(options, request) : [options.tokens];
  const codeCounts = options.codes === undefined ? powersOfTwo(budgetCodes.min, budgetCodes.max) : [options.codes];
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
      {
        fix: `Use ${formatBits(end)} bits${fixed ? ", or leave the number of tokens and codes open" : ""}.`,
        setting: { path: "bits", value: end },
      },
    );
  }
  const near = pairs
    .filter(({ total }) => total <= bits && total >= nearest * (1 - budgetForSamples))
    .map(({ tokens, codes }) => describe(options, request, tokens, codes));
  const enough = near.filter(hasEnoughSamples);
  if (enough.length > 0) return best(enough, (a, b) => a.tokens < b.tokens);
  return best(near, (a, b) => a.samplesPerCode > b.samplesPerCode);
}

/** The one with the most bits; of those with about as many the best. */
function best(candidates: readonly Choice[], isBetter: (a: Choice, b: Choice) => boolean): Choice {
  const most = candidates.reduce((bits, candidate) => Math.max(bits, candidate.bits), 0);
  return candidates
    .filter(({ bits }) => bits >= most * (1 - budgetTolerance))
    .reduce((a, b) => (isBetter(b, a) ? b : a));
}

/** Numbers of tokens that line up with the channels of the latent or with the blocks of the transform, ascending. */
function tokenChoices(options: MultigroupOptions, { latentShape: shape, transform }: Request): number[] {
  const { split, groups } = options;
  const size = latentSize(shape);
  const choices = divisors(size).filter((tokens) => {
    const dim = size / tokens;
    if (dim > maxDimension || (typeof groups === "number" && groups > tokens)) return false;
    const blocks = transform(tokens);
    if (!blocks) return false;
    if (allocatesEigenvalues(options, blocks)) return true;
    if (split === "block" && !blockFits(shape, dim)) return false;
    if (split === "patch" && !blockFits(shape, dim / shape.channels)) return false;
    return channelGroups(shape, tokens, split === "auto" || split === "eigenvalue" ? "channel" : split) !== undefined;
  });
  if (choices.length > 0) return choices;
  throw new RevqError(
    "no-tokens-fit",
    `No number of tokens fits this latent with split ${split} and groups ${groups}.`,
    { fix: "Use other values of split and groups.", setting: { path: "quantizer.split" } },
  );
}

function powersOfTwo(min: number, max: number): number[] {
  return Array.from({ length: Math.log2(max / min) + 1 }, (_, i) => min * 2 ** i);
}
