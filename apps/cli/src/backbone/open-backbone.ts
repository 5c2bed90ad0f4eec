/** Brings up a backbone by its plugin id, as the commands that work on one take it. */
import { Flags } from "@oclif/core";
import { parseOptions, RevqError, type Backbone } from "@revq/core";
import { setPath, type ConfigLayer } from "@revq/train";
import { parse } from "yaml";
import type { Services } from "../base-command.js";
import { dtypeFlag } from "../dtype-flag.js";
import { embeddedWeightsOf } from "../embedded-weights.js";

export const backboneFlags = {
  backbone: Flags.string({ description: "the VAE, by plugin id: dc-ae, onnx, sd-vae, tae, …", helpValue: "<id>" }),
  weights: Flags.string({ description: "folder, file, URL or hf:owner/name with its weights", helpValue: "<spec>" }),
  set: Flags.string({
    description: "an option of the backbone: --set backbone.variant=taesd3",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "<backbone.a=b>",
  }),
  dtype: dtypeFlag(),
};

export interface BackboneRequest {
  readonly id: string;
  readonly weights?: string | undefined;
  readonly set?: readonly string[] | undefined;
  readonly imageSize: number;
  /** Hears that embedded weights are used, where the backbone has some and none were named. */
  readonly note?: (line: string) => void;
}

/** A backbone with what config.json says of it. */
export interface NamedBackbone {
  readonly id: string;
  readonly options: Record<string, unknown>;
  readonly weights: string | null;
  readonly instance: Backbone;
}

export async function openBackbone(
  { plugins, openWeights }: Services,
  { id, weights: named, set, imageSize, note = () => {} }: BackboneRequest,
): Promise<NamedBackbone> {
  const plugin = plugins.get("backbone", id);
  if (plugin.weights === "fitted") {
    throw new RevqError(
      "backbone-fitted",
      `The backbone ${id} has no weights of its own: it is fitted on images by \`revq train\`.`,
      {
        fix: "Name a pretrained one: dc-ae, onnx, sd-vae, tae.",
        exitCode: 2,
      },
    );
  }
  const weights = named ?? embeddedWeightsOf(id, note);
  const options = parseOptions(plugin, optionsOf(set ?? []));
  const instance = await plugin.create(options, {
    imageSize,
    ...(weights === undefined ? {} : { weights: await openWeights(weights) }),
  });
  return { id, options: { ...(instance.options ?? options) }, weights: weights ?? null, instance };
}

/** `backbone.a.b=c` and `a.b=c` alike. */
function optionsOf(assignments: readonly string[]): ConfigLayer {
  let options: ConfigLayer = {};
  for (const assignment of assignments) {
    const [, path, text] = /^(?:backbone\.)?([A-Za-z][\w.]*)=(.*)$/s.exec(assignment) ?? [];
    if (path === undefined || text === undefined) {
      throw new RevqError("set-syntax", `--set ${assignment} is not of the form backbone.a=b.`, {
        fix: "For example: --set backbone.variant=taesd3",
        exitCode: 2,
      });
    }
    options = setPath(options, path.split("."), parse(text));
  }
  return options;
}

/** The flags of a command that cannot do without a backbone. Throws `backbone-not-named`. */
export function requiredBackbone({
  backbone,
  weights,
  set,
}: {
  readonly backbone?: string | undefined;
  readonly weights?: string | undefined;
  readonly set?: readonly string[] | undefined;
}): Pick<BackboneRequest, "id" | "weights" | "set"> {
  if (backbone !== undefined) return { id: backbone, weights, set };
  throw new RevqError("backbone-not-named", "Which VAE? --backbone is missing.", {
    fix: "For example: --backbone dc-ae --weights FOLDER; `revq backbone inspect FOLDER` says what a folder holds.",
    exitCode: 2,
  });
}
