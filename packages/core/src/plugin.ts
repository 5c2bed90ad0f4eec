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
import type { Quantizer } from "./quantizer.js";
import type { FitContext } from "./progress.js";
import type { Random } from "./random.js";
import type { Rectifier } from "./rectifier.js";
import type { LatentSource } from "./sources.js";
import type { TokenLayout } from "./token-layout.js";
import type { Transform, TransformLayout } from "./transform.js";

export const pluginKinds = ["backbone", "transform", "quantizer", "rectifier"] as const;
export type PluginKind = (typeof pluginKinds)[number];

/** A zod `strictObject` whose keys all have defaults or are optional; `.describe()` each: `revq plugins` prints it. */
export type OptionsSchema = z.ZodObject;

interface PluginBase<Kind extends PluginKind, Schema extends OptionsSchema> {
  readonly kind: Kind;
  /** Lower case, digits and dashes: what the user types. Unique within its kind. */
  readonly id: string;
  /** One line for `revq plugins`. */
  readonly title: string;
  readonly options: Schema;
  /** Named sets of option values. A trainer's recipe asks for one by name; what the user says wins. */
  readonly sets?: Readonly<Record<string, Partial<z.input<Schema>>>>;
}

export interface BackboneContext {
  /** Side of the square training images in pixels. */
  readonly imageSize: number;
  /** Where the weights are, if the user named a place. */
  readonly weights?: WeightsSource;
  /** Weights from a tokenizer that holds its backbone: `Backbone.state()` of the one that was saved. Wins over `weights`. */
  readonly state?: NamedTensors;
}

export interface BackbonePlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"backbone", Schema> {
  /** `required`: weights must be given; `fitted`: made from the training images, kept in the tokenizer; `optional`: has its own. */
  readonly weights: "required" | "optional" | "fitted";
  /**
   * The options that make the same backbone from its `state()` alone, for weights that come with a configuration of their
   * own. They go into the tokenizer's config.json instead of the user's.
   */
  resolve?(options: z.output<Schema>, context: BackboneContext): Promise<z.input<Schema>>;
  create(options: z.output<Schema>, context: BackboneContext): Promise<Backbone>;
}

export interface TransformContext {
  readonly latentShape: LatentShape;
  /** T of the quantizer: the number of blocks divides it. */
  readonly tokens: number;
}

export interface TransformPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"transform", Schema> {
  /** The blocks for latents of this shape and T tokens; null when no blocks fit. Pure: it allocates nothing. */
  layout(options: z.output<Schema>, context: TransformContext): TransformLayout | null;
  /** True where this transform is the first guess for latents of this shape: what `auto` takes. */
  suits?(latentShape: LatentShape): boolean;
  /** Numbers that are learned. Pure. */
  parameterCount(options: z.output<Schema>, context: TransformContext): number;
  /** The transform starts as the identity or an orthonormal map: call `fit` or `restore`. Throws `no-transform-fits`. */
  create(options: z.output<Schema>, context: TransformContext): Promise<Transform>;
}

/** What a quantizer is told to fill in what the user left open. */
export interface QuantizerRequest extends Pick<FitContext, "random" | "report" | "signal"> {
  readonly latentShape: LatentShape;
  /** Training samples. */
  readonly samples: number;
  /** Wanted bits per image, if the user named a budget instead of tokens and codes. */
  readonly bits: number | null;
  /** The blocks of the chosen transform for a number of tokens; null when no blocks fit. */
  readonly transform: (tokens: number) => TransformLayout | null;
  /** Coefficients of the training latents. Null in the first call, when nothing is encoded yet. */
  readonly latents: LatentSource | null;
}

/** One way to fill in what was open. */
export interface QuantizerCandidate<Options> {
  readonly options: Options;
  /** Why: one sentence each, for the user. */
  readonly reasons: readonly string[];
}

/** What a quantizer with these options is, known without making it. */
export interface QuantizerDescription {
  readonly layout: TokenLayout;
  /** Numbers that are learned. */
  readonly parameterCount: number;
}

export interface QuantizerContext {
  readonly latentShape: LatentShape;
  /** Of the transform whose coefficients are quantized. */
  readonly transform: TransformLayout;
}

export interface QuantizerPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"quantizer", Schema> {
  /** What the transform is when nobody says: `auto` takes one that suits the latent's shape. Default `none`. */
  readonly transform?: "auto";
  /**
   * Fills in what is open. Called twice: before anything is encoded, and with the options of the chosen candidate when
   * the latents are there. The best guess comes first; a trainer may measure all candidates. The same request gives the
   * same candidates. Without it a bit budget is refused.
   */
  resolve?(
    options: z.output<Schema>,
    request: QuantizerRequest,
  ): Promise<readonly QuantizerCandidate<z.input<Schema>>[]>;
  /** Pure: allocates nothing, whatever the size. Takes options that leave nothing open; throws what `create` throws. */
  layout(options: z.output<Schema>, latentShape: LatentShape): QuantizerDescription;
  create(options: z.output<Schema>, context: QuantizerContext): Promise<Quantizer>;
}

export interface RectifierContext {
  readonly latentShape: LatentShape;
  /** For the initial weights. */
  readonly random: Random;
}

export interface RectifierPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"rectifier", Schema> {
  /** Numbers that are learned. Pure; throws what `create` throws. */
  parameterCount(options: z.output<Schema>, latentShape: LatentShape): number;
  create(options: z.output<Schema>, context: RectifierContext): Promise<Rectifier>;
}

export type Plugin = BackbonePlugin | TransformPlugin | QuantizerPlugin | RectifierPlugin;
export interface PluginOfKind {
  readonly backbone: BackbonePlugin;
  readonly transform: TransformPlugin;
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
export function definePlugin<Schema extends OptionsSchema>(plugin: TransformPlugin<Schema>): TransformPlugin<Schema>;
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
  const first = parsed.error.issues[0]!;
  const key = first.code === "unrecognized_keys" ? first.keys[0] : first.path[0];
  throw new RevqError("plugin-options", `Options of the ${plugin.kind} ${plugin.id}: ${problems.join("; ")}.`, {
    fix: known.length
      ? `Its options are ${known.join(", ")}.`
      : "It takes no options.",
    ...(key === undefined ? {} : { setting: { path: `${plugin.kind}.${String(key)}` } }),
  });
}
