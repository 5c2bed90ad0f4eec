/** The argument and the flag of commands that open a tokenizer. */
import { Args, Flags } from "@oclif/core";

export const tokenizerArgument = Args.string({ description: "folder that `revq train` wrote", required: true });

export const weightsFlag = Flags.string({
  description: "weights of the backbone, if they are not where config.json says",
  helpValue: "<spec>",
});

export const decoderWeightsFlag = Flags.string({
  description: "weights of the VAE that decodes, for a tokenizer with the decoder of another VAE",
  helpValue: "<spec>",
});
