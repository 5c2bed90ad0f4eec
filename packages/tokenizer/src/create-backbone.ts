/** Creates the backbone that settings or a config.json name: one plugin's, or two of one latent space. */
import {
  parseOptions,
  underPrefix,
  withSettingIn,
  type Backbone,
  type BackboneContext,
  type NamedTensors,
  type PluginRegistry,
  type WeightsSource,
} from "@revq/core";
import { pairBackbones } from "./paired-backbone.js";

/** A plugin with options, and where its weights are. */
export interface BackbonePart {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly weights?: WeightsSource;
}

export interface BackboneChoice extends BackbonePart {
  /** The VAE that decodes in the place of the first; null or absent: the first decodes too. */
  readonly decoder?: BackbonePart | null;
}

export interface CreateBackboneContext extends Pick<BackboneContext, "imageSize" | "note"> {
  readonly plugins: PluginRegistry;
  /** `Backbone.state()` of the whole, or of one of two: `encoder.*` or `decoder.*`. Wins over weights. */
  readonly state?: NamedTensors;
}

/** Throws what the plugins throw, and the errors of `pairBackbones`. */
export async function createBackbone(choice: BackboneChoice, context: CreateBackboneContext): Promise<Backbone> {
  const { decoder } = choice;
  const { state } = context;
  if (!decoder) return createPart(choice, context, state);
  const made = await createPart(choice, context, part("encoder", state));
  const other = await aboutDecoder(() => createPart(decoder, context, part("decoder", state))).catch(
    (error: unknown) => {
      made.dispose();
      throw error;
    },
  );
  try {
    return pairBackbones(made, other);
  } catch (error) {
    made.dispose();
    other.dispose();
    throw error;
  }
}

/** Options of the plugins that make the same backbone from its state alone. */
export interface ResolvedOptions {
  readonly options: Readonly<Record<string, unknown>>;
  /** Null without another decoder. */
  readonly decoderOptions: Readonly<Record<string, unknown>> | null;
}

export async function resolveBackbone(
  choice: BackboneChoice,
  context: CreateBackboneContext,
): Promise<ResolvedOptions> {
  const { decoder } = choice;
  return {
    options: await resolvePart(choice, context),
    decoderOptions: decoder ? await aboutDecoder(() => resolvePart(decoder, context)) : null,
  };
}

function createPart(
  { id, options, weights }: BackbonePart,
  { plugins, imageSize, note }: CreateBackboneContext,
  state: NamedTensors | undefined,
): Promise<Backbone> {
  const plugin = plugins.get("backbone", id);
  return plugin.create(parseOptions(plugin, options), {
    imageSize,
    ...(state ? { state } : weights ? { weights } : {}),
    ...(note ? { note } : {}),
  });
}

async function resolvePart(
  { id, options, weights }: BackbonePart,
  { plugins, imageSize }: CreateBackboneContext,
): Promise<Readonly<Record<string, unknown>>> {
  const plugin = plugins.get("backbone", id);
  const given = parseOptions(plugin, options);
  if (!plugin.resolve) return given;
  return parseOptions(plugin, await plugin.resolve(given, { imageSize, ...(weights ? { weights } : {}) }));
}

/** Undefined where the state has nothing of that part: its weights are given then. */
function part(name: string, state: NamedTensors | undefined): NamedTensors | undefined {
  const own = state && underPrefix(name, state);
  return own && Object.keys(own).length > 0 ? own : undefined;
}

/** Errors of the decoder's plugin are about the settings of the decoder. */
export async function aboutDecoder<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw withSettingIn(error, "backbone", "backbone.decoder");
  }
}
