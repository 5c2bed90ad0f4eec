/** The values of `train.adaptDecoder`. It loads no tensor engine. */

/**
 * - `none`: the decoder stays as it is.
 * - `last`: the last third of its stages.
 * - `all`: all of it.
 * - `lora`: low-rank changes of its matrices and convolutions.
 * - `auto`: `all` for a small decoder, else `none`.
 */
export const decoderAdaptations = ["auto", "none", "last", "all", "lora"] as const;
export type DecoderAdaptation = (typeof decoderAdaptations)[number];
