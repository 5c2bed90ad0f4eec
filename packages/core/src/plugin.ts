/** Plugin descriptors: plain data without side effects. `definePlugin` checks and types them. */
import { z } from "zod";
import type { Backbone } from "./backbone.js";
import type { WeightsSource } from "./bytes.js";
import { RevqError } from "./errors.js";
import type { LatentShape } from "./latent-shape.js";
import type { NamedTensors } from "./named-tensors.js";
import { issueText } from "./issue-text.js";
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

/**
 * A zod `strictObject`. Every key has a default or is optional, and a description (`.describe()`),
 * which users read.
 */
export type OptionsSchema = z.ZodObject;

interface PluginBase<Kind extends PluginKind, Schema extends OptionsSchema> {
  readonly kind: Kind;
  /** The name in configurations: lower case, digits and dashes. Unique within its kind. */
  readonly id: string;
  /** One line for lists of plugins. */
  readonly title: string;
  readonly options: Schema;
  /**
   * Named sets of option values. A trainer's recipe asks for one by name; explicit options win.
   * `latents` is for recipe `kmeans` where there are latents and no pictures.
   * `draft` is for a quick fit that candidates are compared by; it wins.
   */
  readonly sets?: Readonly<Record<string, Partial<z.input<Schema>>>>;
}

export interface BackboneContext {
  /** Side of the square training images in pixels. */
  readonly imageSize: number;
  /** The weights that the user gave, if any. */
  readonly weights?: WeightsSource;
  /**
   * Weights from a tokenizer that holds its backbone: `Backbone.state()` of the one that was saved.
   * Wins over `weights`.
   */
  readonly state?: NamedTensors;
  /** Told what was inferred or chosen about the weights, one line each. */
  readonly note?: (line: string) => void;
}

export interface BackbonePlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"backbone", Schema> {
  /**
   * `required`: the user must give weights. `optional`: the plugin has its own. `fitted`: they are
   * fitted on the training images, and the tokenizer holds them.
   */
  readonly weights: "required" | "optional" | "fitted";
  /**
   * The options that make the same backbone from its `state()` alone, for weights that come with a
   * configuration of their own. They go into the tokenizer's config.json instead of the user's.
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
  /**
   * The blocks for latents of this shape and T tokens; null when no blocks fit. Pure, no
   * allocation.
   */
  layout(options: z.output<Schema>, context: TransformContext): TransformLayout | null;
  /** True: `auto` measures this transform. It measures `none` without being asked. */
  readonly candidate?: boolean;
  /** Number of learned parameters. Pure. */
  parameterCount(options: z.output<Schema>, context: TransformContext): number;
  /**
   * Creates an identity or another orthonormal map; `fit` or `restore` follows. Throws
   * `no-transform-fits`.
   */
  create(options: z.output<Schema>, context: TransformContext): Promise<Transform>;
}

/** The facts from which a quantizer fills in open options. */
export interface QuantizerRequest extends Pick<FitContext, "random" | "report" | "signal"> {
  readonly latentShape: LatentShape;
  /** Training samples. */
  readonly samples: number;
  /** Budget in bits per image, if the user gave one instead of tokens and codes. */
  readonly bits: number | null;
  /** The blocks of the chosen transform for a number of tokens; null when no blocks fit. */
  readonly transform: (tokens: number) => TransformLayout | null;
  /**
   * The layout that was chosen for another transform: its tokens, codes and bits are kept. Absent
   * for the first transform.
   */
  readonly keep?: TokenLayout;
  /** Coefficients of the training latents. Null in the first call, when nothing is encoded yet. */
  readonly latents: LatentSource | null;
}

/** One way to fill in the open options. */
export interface QuantizerCandidate<Options> {
  readonly options: Options;
  /** Reasons for the user, one sentence each. */
  readonly reasons: readonly string[];
}

/** Facts about a quantizer with given options, known without creating it. */
export interface QuantizerDescription {
  readonly layout: TokenLayout;
  /** Number of learned parameters. */
  readonly parameterCount: number;
  /** False where codes are not learned one by one, so that few samples a code do no harm. Default: with a parameter a code or more. */
  readonly learnsCodes?: boolean;
}

export interface QuantizerContext {
  readonly latentShape: LatentShape;
  /** Of the transform whose coefficients are quantized. */
  readonly transform: TransformLayout;
}

export interface QuantizerPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"quantizer", Schema> {
  /** The default transform. `auto`: the best candidate on held-out data. Absent: `none`. */
  readonly transform?: "auto";
  /**
   * Fills in open options. A trainer calls it twice: before it encodes any image, and then with the
   * chosen candidate's options and the latents. The first call returns the best guess, and at most
   * two other candidates of as many tokens and bits, which a trainer may measure; the second call
   * returns one. Deterministic. Without `resolve` a bit budget is refused.
   */
  resolve?(
    options: z.output<Schema>,
    request: QuantizerRequest,
  ): Promise<readonly QuantizerCandidate<z.input<Schema>>[]>;
  /**
   * The description for options without open values. Pure; allocates no codebooks. Throws the
   * errors of `create`.
   */
  layout(options: z.output<Schema>, latentShape: LatentShape): QuantizerDescription;
  create(options: z.output<Schema>, context: QuantizerContext): Promise<Quantizer>;
}

export interface RectifierContext {
  readonly latentShape: LatentShape;
  /** For the initial weights. */
  readonly random: Random;
}

export interface RectifierPlugin<Schema extends OptionsSchema = OptionsSchema> extends PluginBase<"rectifier", Schema> {
  /** Number of learned parameters. Pure. Throws the errors of `create`. */
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

/** True for a plugin descriptor. Finds the plugins among a package's exports. */
export function isPlugin(value: unknown): value is Plugin {
  return descriptorSchema.safeParse(value).success;
}

/**
 * Checks a plugin descriptor and keeps its types. Throws `plugin-descriptor`.
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * import { z } from "zod";
 * const shrink = definePlugin({
 *   kind: "rectifier",
 *   id: "shrink",
 *   title: "multiplies the quantized latent by a constant",
 *   options: z.strictObject({ factor: z.number().default(0.9).describe("the constant") }),
 *   parameterCount: () => 0,
 *   create: async ({ factor }) => ({
 *     rectify: (quantized) => tf.mul(quantized, factor),
 *     variables: [],
 *     state: () => ({}),
 *     restore: () => {},
 *     dispose: () => {},
 *   }),
 * });
 * parseOptions(shrink, {}); // => { factor: 0.9 }
 */
export function definePlugin<Schema extends OptionsSchema>(plugin: BackbonePlugin<Schema>): BackbonePlugin<Schema>;
export function definePlugin<Schema extends OptionsSchema>(plugin: TransformPlugin<Schema>): TransformPlugin<Schema>;
export function definePlugin<Schema extends OptionsSchema>(plugin: QuantizerPlugin<Schema>): QuantizerPlugin<Schema>;
export function definePlugin<Schema extends OptionsSchema>(plugin: RectifierPlugin<Schema>): RectifierPlugin<Schema>;
export function definePlugin(plugin: Plugin): Plugin {
  const checked = descriptorSchema.safeParse(plugin);
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${issue.path.join(".") || "descriptor"}: ${issue.message}`);
    throw new RevqError("plugin-descriptor", `Not a plugin descriptor: ${problems.join("; ")}.`, {
      fix: "Pass the object that the documentation of `definePlugin` in @revq/core describes.",
    });
  }
  return Object.freeze(plugin);
}

/**
 * Checks raw options against the plugin's schema and fills in defaults. Throws `plugin-options`,
 * which names the plugin, the unknown or wrong keys, the values that were given and those that are allowed.
 *
 * @example
 * import { z } from "zod";
 * const options = z.strictObject({ levels: z.int().min(2).default(8).describe("Levels.") });
 * const create = async () => {
 *   throw new Error("left out here");
 * };
 * const plugin = definePlugin({
 *   kind: "rectifier", id: "grid", title: "a grid", options, parameterCount: () => 0, create,
 * });
 * parseOptions(plugin, {}); // => { levels: 8 }
 */
export function parseOptions<P extends Plugin>(
  plugin: P,
  raw: Readonly<Record<string, unknown>>,
): z.output<P["options"]> {
  const parsed = plugin.options.safeParse(raw);
  if (parsed.success) return parsed.data as z.output<P["options"]>;
  const known = Object.keys(plugin.options.shape);
  const problems = parsed.error.issues.map((issue) => {
    if (issue.code !== "unrecognized_keys") return `${issue.path.join(".") || "options"}: ${issueText(issue, raw)}`;
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
    fix: known.length ? `Its options are ${known.join(", ")}.` : "It takes no options.",
    ...(key === undefined
      ? {}
      : {
          setting: {
            path: `${plugin.kind}.${String(key)}`,
            ...(first.code === "unrecognized_keys" && { unknown: true }),
          },
        }),
  });
}
