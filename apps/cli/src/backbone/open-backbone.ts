/** Brings up a backbone by its plugin id, with the decoder of another VAE if one is named. */
import { RevqError, type Backbone, type PluginRegistry } from "@revq/core";
import {
  aboutDecoder,
  createBackbone,
  resolveBackbone,
  type BackbonePart,
  type TokenizerConfig,
} from "@revq/tokenizer";
import type { Services } from "../composition/container.js";
import { assignments } from "../settings/layers.js";
import { embeddedWeightsOf } from "../weights/embedded-weights.js";
import { decoderNotNamed, type NamedParts } from "./flags.js";

/** Of `set`: options as `--set` takes them, with or without `backbone.` in front. */
export interface BackboneRequest extends NamedParts {
  readonly imageSize: number;
  /** Told when the bundled weights are used, and what was inferred or chosen about the weights. */
  readonly note?: (line: string) => void;
}

type SavedBackbone = NonNullable<TokenizerConfig["backbone"]>;

/** A backbone with its entries in config.json. */
export interface NamedBackbone extends Pick<SavedBackbone, "id" | "options" | "weights" | "decoder"> {
  readonly instance: Backbone;
}

/** Throws `backbone-fitted`, `set-syntax`, and the errors of the plugins and their weights. */
export async function openBackbone(
  { plugins, openWeights }: Services,
  { id, weights: named, decoder: other, set, imageSize, note = () => {} }: BackboneRequest,
): Promise<NamedBackbone> {
  requirePretrained(id, plugins);
  const weights = named ?? embeddedWeightsOf(id, note);
  const own = (set ?? []).map((text) => text.replace(/^backbone\./, ""));
  const { decoder: decoderOptions = {}, ...options } = assignments(own, {}, "backbone.variant=taesd3");
  if (!other && Object.keys(decoderOptions as object).length > 0) throw decoderNotNamed("--set backbone.decoder");
  const part = async (id: string, options: object, spec: string | undefined): Promise<BackbonePart> => ({
    id,
    options: { ...options },
    ...(spec === undefined ? {} : { weights: await openWeights(spec) }),
  });
  const choice = {
    ...(await part(id, options, weights)),
    decoder: other ? await aboutDecoder(() => part(other.id, decoderOptions as object, other.weights)) : null,
  };
  const context = { plugins, imageSize, note };
  const instance = await createBackbone(choice, context);
  try {
    const resolved = await resolveBackbone(choice, context);
    return {
      id,
      options: { ...resolved.options },
      weights: weights ?? null,
      decoder: other
        ? {
            id: other.id,
            package: plugins.packageOf("backbone", other.id),
            options: { ...resolved.decoderOptions },
            weights: other.weights ?? null,
          }
        : null,
      instance,
    };
  } catch (error) {
    instance.dispose();
    throw error;
  }
}

function requirePretrained(id: string, plugins: PluginRegistry): void {
  if (plugins.get("backbone", id).weights !== "fitted") return;
  throw new RevqError(
    "backbone-fitted",
    `The backbone ${id} has no weights of its own: \`revq train\` fits it on images.`,
    { fix: "Name a pretrained backbone: dc-ae, onnx, sd-vae, tae." },
  );
}
