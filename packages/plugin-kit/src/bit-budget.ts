/** Tokens and codes of a quantizer whose tokens all have K codes, for a budget of bits an image. */
import { divisors, latentSize, RevqError, type QuantizerRequest } from "@revq/core";

/** What a quantizer can do. */
export interface TokenChoices {
  readonly defaultTokens: number;
  readonly defaultCodes: number;
  /** Of a token. */
  readonly maxCodes: number;
  /** Tokens of one vector: the stages of residual quantization. Default 1. */
  readonly stages?: number;
  /** Whether latents can be cut into so many tokens. Called for T whose vectors divide the latent. */
  readonly fits: (tokens: number) => boolean;
}

/** Vectors have at most so many elements, if the budget decides how many there are. */
const maxDimension = 64;
/** An open number of codes has this range, where a number of tokens allows it. */
const usualCodes = { min: 16, max: 2 ** 14 };

/**
 * Fills in what is open. Without a budget these are the defaults. With one, T log2 K is at most the
 * budget, and as near as can be: K follows from T, or T from K. If both are open, T is the possible
 * number next to the default.
 *
 * @throws RevqError `bits-and-tokens-and-codes`, `bits-impossible`
 */
export function tokensAndCodes(
  given: { readonly tokens?: number | undefined; readonly codes?: number | undefined },
  request: Pick<QuantizerRequest, "bits" | "keep" | "latents" | "latentShape">,
  choices: TokenChoices,
): { tokens: number; codes: number } {
  const { bits, keep, latents, latentShape } = request;
  const { defaultTokens, defaultCodes, maxCodes, stages = 1, fits } = choices;
  const { tokens = defaultTokens, codes = defaultCodes } = given;
  // In the second call the options are those of the first.
  if (bits === null || latents !== null) return { tokens, codes };
  if (keep) return { tokens: keep.count, codes: keep.codebookSizes[0]! };
  if (given.tokens !== undefined && given.codes !== undefined) throw tooMuch(bits, tokens, codes);
  if (given.tokens !== undefined) {
    const found = codesFor(bits, tokens);
    if (found < 2) throw impossible(bits, `with ${tokens} tokens`, "smallest", tokens);
    if (found > maxCodes) throw impossible(bits, `with ${tokens} tokens`, "largest", tokens * Math.log2(maxCodes));
    return { tokens, codes: found };
  }
  const size = latentSize(latentShape);
  const possible = divisors(size)
    .filter((vectors) => size / vectors <= maxDimension && fits(vectors * stages))
    .map((vectors) => vectors * stages);
  if (given.codes !== undefined) {
    const most = possible.findLast((each) => each * Math.log2(codes) <= bits);
    if (most !== undefined) return { tokens: most, codes };
    throw impossible(bits, `with ${codes} codes`, "smallest", (possible[0] ?? defaultTokens) * Math.log2(codes));
  }
  const pairs = possible
    .map((each) => ({ tokens: each, codes: codesFor(bits, each) }))
    .filter((pair) => pair.codes >= 2 && pair.codes <= maxCodes);
  if (pairs.length === 0) {
    const [fewest, most] = [possible[0] ?? defaultTokens, (possible.at(-1) ?? defaultTokens) * Math.log2(maxCodes)];
    throw bits < fewest ? impossible(bits, "", "smallest", fewest) : impossible(bits, "", "largest", most);
  }
  const usual = pairs.filter((pair) => pair.codes >= usualCodes.min && pair.codes <= usualCodes.max);
  const distance = (pair: { tokens: number }): number => Math.abs(Math.log(pair.tokens / defaultTokens));
  return (usual.length > 0 ? usual : pairs).reduce((best, pair) => (distance(pair) < distance(best) ? pair : best));
}

/** The largest K of T log2 K bits at most. */
function codesFor(bits: number, tokens: number): number {
  return Math.floor(2 ** (bits / tokens) * (1 + 1e-12)); // 2^(log2 1000) is 999.999…
}

function tooMuch(bits: number, tokens: number, codes: number): RevqError {
  return new RevqError(
    "bits-and-tokens-and-codes",
    `A budget of ${bits} bits was given together with ${tokens} tokens and ${codes} codes, which come to ` +
      `${Math.round(tokens * Math.log2(codes))} bits per image.`,
    { fix: "Leave out the budget, or one of tokens and codes.", setting: { path: "bits" } },
  );
}

/** @param fixed what else was given, or "" */
function impossible(bits: number, fixed: string, end: "smallest" | "largest", value: number): RevqError {
  const nearest = end === "smallest" ? Math.ceil(value) : Math.floor(value);
  return new RevqError(
    "bits-impossible",
    `A budget of ${bits} bits per image is not possible for this latent${fixed && ` ${fixed}`}: the ${end} is ${nearest}.`,
    {
      fix: `Use ${nearest} bits${fixed && ", or leave tokens and codes open"}.`,
      setting: { path: "bits", value: nearest },
    },
  );
}

/**
 * For quantizers whose options leave no choice of bits. Throws `bits-impossible` unless the budget is
 * what they spend.
 *
 * @param spent bits an image
 * @param why "bsq has one bit per element"
 */
export function requireBitBudget(bits: number | null, spent: number, why: string): void {
  if (bits === null || Math.abs(bits - spent) < 1e-6) return;
  throw new RevqError(
    "bits-impossible",
    `A budget of ${bits} bits per image is not possible: ${why}, ${spent} bits here.`,
    {
      fix: "Use that budget, images of another size, or another quantizer.",
      setting: { path: "bits", value: spent },
    },
  );
}
