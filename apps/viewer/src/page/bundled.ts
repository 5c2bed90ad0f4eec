/** The tokenizers that come with the page: the one that opens by itself, then those to choose from. */
import type { TokenizerSource } from "../protocol/messages.js";

export interface Bundled {
  readonly source: TokenizerSource & { readonly kind: "url" };
  readonly tokens: number;
  readonly bits: number;
}

/** As the build writes them (`vite.config.ts`); addresses are relative to the page. */
interface BuiltEntry {
  readonly name: string;
  readonly url: string;
  readonly tokens: number;
  readonly bits: number;
  readonly weights: { readonly url: string; readonly files: readonly string[] } | null;
}

declare const __BUNDLED__: readonly BuiltEntry[];

/** @param base address of the page */
export function bundledTokenizers(base: string): Bundled[] {
  const absolute = (url: string): string => new URL(url, base).href;
  const entries = typeof __BUNDLED__ === "undefined" ? [] : __BUNDLED__;
  return entries.map(({ name, url, tokens, bits, weights }) => ({
    tokens,
    bits,
    source: {
      kind: "url",
      name,
      url: absolute(url),
      weights: weights && { url: absolute(weights.url), files: weights.files },
    },
  }));
}
