/** `config.json` of an export: what a reader in any language needs, and revq's own. */
import { jsonText, type Tokenizer } from "@revq/tokenizer";

/** @param extra fields of one kind of export */
export function exportConfig(tokenizer: Tokenizer, extra: Readonly<Record<string, unknown>>): string {
  const { config } = tokenizer;
  return jsonText({
    ...extra,
    image_size: config.imageSize,
    latent_shape: config.latentShape,
    /** Groups, codebook sizes, offsets, and where tokens lie: `layout` of a vocabulary.json. */
    tokens: tokenizer.vocabulary().layout,
    revq: config,
  });
}
