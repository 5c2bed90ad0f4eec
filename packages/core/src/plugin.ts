/**
 * What a plugin package exports: a plain description, no side effects. `definePlugin` checks it and keeps its types.
 */
import { z } from "zod";
import type { Backbone } from "./backbone.js";
import type { WeightsSource } from "./bytes.js";
import { RevqError } from "./errors.js";
import type { LatentShape } from "./latent-shape.js";
import type { NamedTensors } from "./named-tensors.js";
import { nearestNames } from "./nearest-names.js";
import type { Quantizer, TokenSpec } from "./quantizer.js";
import type { FitContext } from "./progress.js";
import type { Random } from "./random.js";
import type { Rectifier } from "./rectifier.js";
import type { LatentSource } from "./sources.js";

export const pluginKinds = ["backbone", "quantizer", "rectifier"] as const;
export type PluginKind = (typeof pluginKinds)[number];

/** `fit`: k-means codebooks, then a rectifier that starts at the identity. `paper`: the authors' joint AdamW. */
export const recipes = ["fit", "paper"] as const;
export type Recipe = (typeof recipes)[number];

/** A zod `strictObject` whose keys all have defaults or are optional; `.describe()` each: `revq plugins` prints it. */
export type OptionsSchema = z.ZodObject;

interface PluginBase<Kind extends PluginKind, Schema extends OptionsSchema> {
  readonly kind: Kind;
  /** Lower case, digits and dashes: what the user types. Unique within its kind. */
  readonly id: string;
  /** One line for `revq plugins`. */
  readonly title: string;
  readonly options: Schema;
  /** Option values that a recipe implies where the user says nothing. */
  readonly recipes?: Partial<Record<Recipe, Partial<z.input<Schema>>>>;
}

export interface BackboneContext {
  /** Side of the square training images in pixels. */
  readonly imageSize: number;
  /** Where the weights are, if the user named a place. */
  readonly weights?: WeightsSource;
  /** Weights out of a tokenizer that holds its backbone: `Backbone.state()` of the one that was saved. Wins over `weights`. */
  readonly state?: NamedTensors;
}

export interface BackbonePlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"backbone", Schema> {
  /** `required`: `--weights` must be given; `fitted`: made from the training images, kept in the tokenizer; `optional`: has its own. */
  readonly weights: "required" | "optional" | "fitted";
  create(options: z.output<Schema>, context: BackboneContext): Promise<Backbone>;
}

/** What a quantizer needs to know to choose the options that the user left open. */
export interface QuantizerPlanRequest<Options> {
  readonly options: Options;
  readonly latentShape: LatentShape;
  /** Training samples. */
  readonly samples: number;
  /** Wanted bits per image, if the user named a budget instead of tokens and codes. */
  readonly bits?: number;
}

export interface QuantizerPlan<Options> {
  readonly options: Options;
  /** Why: one sentence each, for the user. */
  readonly reasons: readonly string[];
}

export interface QuantizerContext {
  readonly latentShape: LatentShape;
}

/** What `create` would make, known without making it: `--dry-run` of a large model allocates nothing. */
export interface QuantizerDescription {
  readonly tokens: TokenSpec;
  /** Numbers that are learned. */
  readonly parameters: number;
}

export interface QuantizerPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"quantizer", Schema> {
  /** Chooses options that depend on the data. Without it a bit budget is refused. */
  plan?(request: QuantizerPlanRequest<z.input<Schema>>): QuantizerPlan<z.input<Schema>>;
  /**
   * Chooses, once the latents are there, what depends on their values: takes planned options, gives those that `create` takes. The
   * same latents and random generator give the same options.
   * @param latents standardized training latents
   */
  settle?(
    options: z.output<Schema>,
    latents: LatentSource,
    context: Pick<FitContext, "random" | "report" | "signal">,
  ): Promise<QuantizerPlan<z.input<Schema>>>;
  /** Agrees with what `create` makes and throws what it throws. Without it the quantizer is made to look at it. */
  describe?(options: z.output<Schema>, context: QuantizerContext): QuantizerDescription;
  create(options: z.output<Schema>, context: QuantizerContext): Quantizer;
}

export interface RectifierContext {
  readonly latentShape: LatentShape;
  /** For the initial weights. */
  readonly random: Random;
}

export interface RectifierPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"rectifier", Schema> {
  /** How many numbers `create` would make to learn; throws what it throws. Without it the rectifier is made to look at it. */
  describe?(options: z.output<Schema>, context: Pick<RectifierContext, "latentShape">): { readonly parameters: number };
  create(options: z.output<Schema>, context: RectifierContext): Rectifier;
}

export type Plugin = BackbonePlugin | QuantizerPlugin | RectifierPlugin;
export interface PluginOfKind {
  readonly backbone: BackbonePlugin;
  readonly quantizer: QuantizerPlugin;
  readonly rectifier: RectifierPlugin;
}

const descriptorSchema = z.looseObject({
  kind: z.enum(pluginKinds),
  id: z.string().regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, "must be lower case words joined by dashes"),
  title: z.string().min(1),
  options: z.custom<OptionsSchema>((value) => value instanceof Object && "safeParse" in value, "must be a zod object"),
  create: z.custom<(...args: never[]) => unknown>((value) => typeof value === "function", "must be a function"),
});

/** True when the value has a plugin's shape; used to find the plugins among a package's exports. */
export function isPlugin(value: unknown): value is Plugin {
  return descriptorSchema.safeParse(value).success;
}

export function definePlugin<Schema extends OptionsSchema>(plugin: BackbonePlugin<Schema>): BackbonePlugin<Schema>;
export function definePlugin<Schema extends OptionsSchema>(plugin: QuantizerPlugin<Schema>): QuantizerPlugin<Schema>;
export function definePlugin<Schema extends OptionsSchema>(plugin: RectifierPlugin<Schema>): RectifierPlugin<Schema>;
export function definePlugin(plugin: Plugin): Plugin {
  const checked = descriptorSchema.safeParse(plugin);
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${issue.path.join(".") || "descriptor"}: ${issue.message}`);
    throw new RevqError("plugin-descriptor", `Not a plugin descriptor: ${problems.join("; ")}.`, {
      fix: "See `definePlugin` in @revq/core for what a plugin exports.",
    });
  }
  return Object.freeze(plugin);
}

/** Checks raw options against the plugin's schema; an unknown key or a bad value names the plugin, the key and what is allowed. */
export function parseOptions<P extends Plugin>(
  plugin: P,
  raw: Readonly<Record<string, unknown>>,
): z.output<P["options"]> {
  const parsed = plugin.options.safeParse(raw);
  if (parsed.success) return parsed.data as z.output<P["options"]>;
  const known = Object.keys(plugin.options.shape);
  const problems = parsed.error.issues.map((issue) => {
    if (issue.code !== "unrecognized_keys") return `${issue.path.join(".") || "options"}: ${issue.message}`;
    return issue.keys
      .map((key) => {
        const near = nearestNames(key, known);
        return `no option "${key}"${near.length ? ` (did you mean ${near.join(" or ")}?)` : ""}`;
      })
      .join("; ");
  });
  throw new RevqError("plugin-options", `Options of the ${plugin.kind} ${plugin.id}: ${problems.join("; ")}.`, {
    fix: known.length
      ? `Its options are ${known.join(", ")}; \`revq plugins\` describes them.`
      : "It takes no options.",
  });
}
