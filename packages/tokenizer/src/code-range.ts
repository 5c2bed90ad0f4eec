/** The check of ids where they enter revq: an id out of range would read beyond a codebook. */
import { RevqError, type TokenSpec } from "@revq/core";

/** Throws unless every code is an integer that its token's codebook has. @param codes `[n, t]` flat */
export function checkCodeRange(codes: Int32Array, tokens: TokenSpec): void {
  for (let i = 0; i < codes.length; i++) {
    const token = i % tokens.tokens;
    const limit = tokens.codes[tokens.groupOf[token]!]!;
    const code = codes[i]!;
    if (code < 0 || code >= limit) {
      throw new RevqError(
        "code-out-of-range",
        `Image ${Math.floor(i / tokens.tokens)}, token ${token}: code ${code} is outside 0 … ${limit - 1}.`,
        { fix: "Are these flat ids (--offset-groups)? Or ids of another tokenizer?" },
      );
    }
  }
}
