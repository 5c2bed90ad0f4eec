/** The flags of commands that work on a backbone, and the check that one was named. */
import { Flags } from "@oclif/core";
import { UsageError } from "../errors/usage-error.js";

export const backboneFlags = {
  backbone: Flags.string({ description: "plugin id of the VAE: dc-ae, onnx, sd-vae, tae, …", helpValue: "<id>" }),
  weights: Flags.string({ description: "its weights: a folder, a file, a URL or hf:owner/name", helpValue: "<spec>" }),
  decoder: Flags.string({
    description: "plugin id of another VAE of the same latent space, which decodes",
    helpValue: "<id>",
  }),
  "decoder-weights": Flags.string({
    description: "weights of that VAE",
    helpValue: "<spec>",
  }),
  set: Flags.string({
    description: "an option of the backbone: --set backbone.variant=taesd3, --set backbone.decoder.tile=512",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "<backbone.a=b>",
  }),
};

interface BackboneFlags {
  readonly backbone?: string | undefined;
  readonly weights?: string | undefined;
  readonly decoder?: string | undefined;
  readonly "decoder-weights"?: string | undefined;
  readonly set?: readonly string[] | undefined;
}

/** What `openBackbone` takes. */
export interface NamedParts {
  readonly id: string;
  readonly weights?: string | undefined;
  readonly decoder?: { readonly id: string; readonly weights: string | undefined };
  readonly set?: readonly string[] | undefined;
}

/** For a command that needs a backbone. Throws `backbone-not-named`, `decoder-not-named`. */
export function requiredBackbone({ backbone, ...flags }: BackboneFlags): NamedParts {
  if (backbone !== undefined) return namedParts(backbone, flags);
  throw new UsageError("backbone-not-named", "No VAE was named: --backbone is missing.", {
    fix: "For example: --backbone dc-ae --weights FOLDER. `revq backbone inspect FOLDER` tells what a folder holds.",
  });
}

/** Throws `decoder-not-named`. */
export function namedParts(
  id: string,
  { weights, decoder, set, ...flags }: Omit<BackboneFlags, "backbone">,
): NamedParts {
  const decoderWeights = flags["decoder-weights"];
  if (decoder !== undefined) return { id, weights, set, decoder: { id: decoder, weights: decoderWeights } };
  if (decoderWeights === undefined) return { id, weights, set };
  throw decoderNotNamed("--decoder-weights");
}

export function decoderNotNamed(flag: string): UsageError {
  return new UsageError(
    "decoder-not-named",
    `${flag} needs the plugin of the VAE that decodes: --decoder is missing.`,
    {
      fix: "For example: --decoder sd-vae --decoder-weights FOLDER.",
    },
  );
}
