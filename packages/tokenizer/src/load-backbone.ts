/** Opens the backbone that a config.json names: from the tokenizer's own file, or from its weights. */
import {
  fingerprint,
  RevqError,
  toNamedArrays,
  underPrefix,
  type Backbone,
  type NamedTensors,
  type PluginRegistry,
  type WeightsSource,
} from "@revq/core";
import { createBackbone, type BackboneChoice, type BackbonePart } from "./create-backbone.js";
import type { TokenizerConfig } from "./config.js";

export interface LoadBackboneInput {
  readonly saved: NonNullable<TokenizerConfig["backbone"]>;
  readonly imageSize: number;
  /** Of model.safetensors. */
  readonly tensors: NamedTensors;
  readonly folder: WeightsSource;
  readonly plugins: PluginRegistry;
  readonly openWeights: (spec: string) => Promise<WeightsSource>;
  /** Places that win over config.json. */
  readonly weights?: string | undefined;
  readonly decoderWeights?: string | undefined;
}

/** Throws `backbone-takes-no-weights`, `backbone-fingerprint`, and the errors of the plugins and of reading. */
export async function loadBackbone(input: LoadBackboneInput): Promise<Backbone> {
  const { saved, imageSize, tensors, folder, plugins } = input;
  if (input.weights !== undefined && plugins.get("backbone", saved.id).weights === "fitted") {
    throw takesNoWeights(saved.id, input.weights);
  }
  const own = placeOf(saved.weights, input.weights, input);
  const other = saved.decoder && placeOf(saved.decoder.weights, input.decoderWeights, input);
  const choice: BackboneChoice = {
    ...(await withWeights(saved, own, input)),
    decoder: saved.decoder && (await withWeights(saved.decoder, other!, input)),
  };
  const state = saved.embedded ? embeddedState(tensors, own, other) : undefined;
  const backbone = await createBackbone(choice, { plugins, imageSize, ...(state ? { state } : {}) });
  const found = await fingerprint(await toNamedArrays(backbone.state()));
  if (found === saved.fingerprint) return backbone;
  backbone.dispose();
  const where = [...new Set([own, ...(other ? [other] : [])].map(({ text }) => text))].join(" with ");
  const wrong = other?.isGiven && !own.isGiven ? { ...saved.decoder!, path: "backbone.decoder.weights" } : saved;
  throw new RevqError(
    "backbone-fingerprint",
    `${folder.spec} was trained with other weights of the backbone ${saved.id}` +
      `${saved.decoder ? ` or of the decoder ${saved.decoder.id}` : ""}: ` +
      `the tokenizer expects ${saved.fingerprint.slice(0, 12)}…, ${where} gives ${found.slice(0, 12)}….`,
    {
      fix: "Name the weights that it was trained with.",
      setting: {
        path: "path" in wrong ? wrong.path : "backbone.weights",
        ...(wrong.weights ? { value: wrong.weights } : {}),
      },
    },
  );
}

function takesNoWeights(id: string, weights: string): RevqError {
  return new RevqError(
    "backbone-takes-no-weights",
    `The backbone ${id} takes no weights: the tokenizer holds those that were fitted on its images. Got ${weights}.`,
    { fix: "Leave the weights out.", setting: { path: "backbone.weights" } },
  );
}

/** The same backbone without its weights, for a `state`. */
export function choiceOf({ id, options, decoder }: NonNullable<TokenizerConfig["backbone"]>): BackboneChoice {
  return { id, options, decoder: decoder && { id: decoder.id, options: decoder.options } };
}

interface Place {
  /** Null: inside the tokenizer, or the plugin's own. */
  readonly spec: string | null;
  /** The caller named it. */
  readonly isGiven: boolean;
  readonly text: string;
}

function placeOf(
  weights: string | null,
  given: string | undefined,
  { saved, folder }: Pick<LoadBackboneInput, "saved" | "folder">,
): Place {
  if (given !== undefined) return { spec: given, isGiven: true, text: given };
  if (saved.embedded) return { spec: null, isGiven: false, text: "its own file" };
  const spec = weights === null ? null : besideFolder(weights, folder.spec);
  return { spec, isGiven: false, text: spec ?? "the plugin" };
}

async function withWeights(
  { id, options }: Pick<BackbonePart, "id" | "options">,
  { spec }: Place,
  { openWeights }: Pick<LoadBackboneInput, "openWeights">,
): Promise<BackbonePart> {
  return { id, options, ...(spec === null ? {} : { weights: await openWeights(spec) }) };
}

/** The tensors of the tokenizer's file, without those that other weights replace. */
function embeddedState(tensors: NamedTensors, own: Place, other: Place | null): NamedTensors | undefined {
  const state = underPrefix("backbone", tensors);
  if (!other) return own.isGiven ? undefined : state;
  const kept = Object.entries(state).filter(([name]) => !(name.startsWith("encoder.") ? own : other).isGiven);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/** A relative path in config.json starts at the file's folder. */
function besideFolder(spec: string, folder: string): string {
  return isRelativePath(spec) ? `${folder}/${spec}` : spec;
}

/**
 * True for a path that is neither absolute nor `scheme:…`.
 *
 * @example
 * ["vae", "/vae", "hf:owner/vae"].map(isRelativePath); // => [true, false, false]
 */
export function isRelativePath(spec: string): boolean {
  return !/^([/\\]|[A-Za-z][A-Za-z0-9+.-]*:)/.test(spec);
}
