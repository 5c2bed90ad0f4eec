/** What config.json says about an adapted decoder. */
import { z } from "zod";

/**
 * What was trained. `last`: the decoder's last stages. `all`: all of its tensors. `lora`: a
 * low-rank change of its matrices.
 */
export const decoderModes = ["last", "all", "lora"] as const;
export type DecoderMode = (typeof decoderModes)[number];

export const decoderSchema = z.strictObject({
  mode: z.enum(decoderModes),
  /** Largest rank of a change; null unless the mode is `lora`. */
  rank: z.int().min(1).nullable(),
  /** SHA-256 of the tensors `decoder.*` (`fingerprint` of @revq/core). */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});

export type DecoderConfig = z.output<typeof decoderSchema>;
