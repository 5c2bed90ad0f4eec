/** The flags of commands that work on a backbone, and the check that one was named. */
import { Flags } from "@oclif/core";
import { UsageError } from "../errors/usage-error.js";

export const backboneFlags = {
  backbone: Flags.string({ description: "plugin id of the VAE: dc-ae, onnx, sd-vae, tae, …", helpValue: "<id>" }),
  weights: Flags.string({ description: "its weights: a folder, a file, an URL or hf:owner/name", helpValue: "<spec>" }),
  set: Flags.string({
    description: "an option of the backbone: --set backbone.variant=taesd3",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "<backbone.a=b>",
  }),
};

interface BackboneFlags {
  readonly backbone?: string | undefined;
  readonly weights?: string | undefined;
  readonly set?: readonly string[] | undefined;
}

/** For a command that needs a backbone. Throws `backbone-not-named`. */
export function requiredBackbone({ backbone, weights, set }: BackboneFlags): BackboneFlags & { readonly id: string } {
  if (backbone !== undefined) return { id: backbone, weights, set };
  throw new UsageError("backbone-not-named", "No VAE was named: --backbone is missing.", {
    fix: "For example: --backbone dc-ae --weights FOLDER. `revq backbone inspect FOLDER` tells what a folder holds.",
  });
}
