/** Brings up a backbone by its plugin id. */
import { parseOptions, RevqError, type Backbone, type BackboneContext } from "@revq/core";
import type { Services } from "../composition/container.js";
import { assignments } from "../settings/layers.js";
import { embeddedWeightsOf } from "../weights/embedded-weights.js";

export interface BackboneRequest {
  readonly id: string;
  readonly weights?: string | undefined;
  /** Options as `--set` takes them, with or without `backbone.` in front. */
  readonly set?: readonly string[] | undefined;
  readonly imageSize: number;
  /** Told when the bundled weights are used, and what was inferred or chosen about the weights. */
  readonly note?: (line: string) => void;
}

/** A backbone with its entries in config.json. */
export interface NamedBackbone {
  readonly id: string;
  /** The options that make the same backbone from its state alone. */
  readonly options: Record<string, unknown>;
  readonly weights: string | null;
  readonly instance: Backbone;
}

/** Throws `backbone-fitted`, `set-syntax`, and the errors of the plugin and its weights. */
export async function openBackbone(
  { plugins, openWeights }: Services,
  { id, weights: named, set, imageSize, note = () => {} }: BackboneRequest,
): Promise<NamedBackbone> {
  const plugin = plugins.get("backbone", id);
  if (plugin.weights === "fitted") {
    throw new RevqError(
      "backbone-fitted",
      `The backbone ${id} has no weights of its own: \`revq train\` fits it on images.`,
      { fix: "Name a pretrained backbone: dc-ae, onnx, sd-vae, tae." },
    );
  }
  const weights = named ?? embeddedWeightsOf(id, note);
  const own = (set ?? []).map((text) => text.replace(/^backbone\./, ""));
  const options = parseOptions(plugin, assignments(own, {}, "backbone.variant=taesd3"));
  const context: BackboneContext = {
    imageSize,
    ...(weights === undefined ? {} : { weights: await openWeights(weights) }),
    note,
  };
  const resolved = (await plugin.resolve?.(options, context)) ?? options;
  return { id, options: { ...resolved }, weights: weights ?? null, instance: await plugin.create(options, context) };
}
