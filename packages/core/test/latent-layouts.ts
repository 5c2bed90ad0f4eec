/** Random latents with numbers of tokens and splits that fit them, for property tests. */
import { divisors, latentSize, tokenSplits, type LatentShape, type TokenSplit } from "@revq/core";
import fc from "fast-check";

function fits(latent: LatentShape, tokens: number, split: TokenSplit): boolean {
  if (split !== "block" && split !== "patch") return true;
  const d = latentSize(latent) / tokens / (split === "patch" ? latent.channels : 1);
  if (!Number.isInteger(d)) return false;
  return divisors(d).some((rows) => latent.height % rows === 0 && latent.width % (d / rows) === 0);
}

export const layouts = fc
  .record({
    channels: fc.integer({ min: 1, max: 6 }),
    height: fc.integer({ min: 1, max: 8 }),
    width: fc.integer({ min: 1, max: 8 }),
  })
  .chain((latent) =>
    fc.tuple(fc.constant(latent), fc.constantFrom(...divisors(latentSize(latent))), fc.constantFrom(...tokenSplits)),
  )
  .filter(([latent, tokens, split]) => fits(latent, tokens, split));
