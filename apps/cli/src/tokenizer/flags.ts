/** The argument and the flag of commands that open a tokenizer. */
import { Args, Flags } from "@oclif/core";

export const tokenizerArgument = Args.string({ description: "folder that `revq train` wrote", required: true });

/** Options of `encode` and `tokenize`. */
export const effortFlag = Flags.integer({
  description:
    "sweeps after the search that choose codes for the least error after the rectifier; each costs a search and a pass of the rectifier",
  min: 0,
  default: 0,
  helpValue: "<n>",
});

export const weightsFlag = Flags.string({
  description: "weights of the backbone, if they are not where config.json says",
  helpValue: "<spec>",
});

export const decoderWeightsFlag = Flags.string({
  description: "weights of the VAE that decodes, for a tokenizer with the decoder of another VAE",
  helpValue: "<spec>",
});
