/**
 * `config.json` of a tokenizer folder: plugins, options and shapes. `model.safetensors` holds the
 * parameters.
 */
import { issueText, metricIds, RevqError } from "@revq/core";
import { z } from "zod";
import { decoderSchema } from "./decoder-config.js";
import { tokenRecordSchema } from "./vocabulary.js";

/** The format that this version writes. It reads all older ones (see `upgrades`). */
export const formatVersion = 6;

/** JSON of version n -> JSON of version n + 1. Every version that was ever written stays here. */
const upgrades: Readonly<Record<number, (config: Record<string, unknown>) => Record<string, unknown>>> = {
  // Format 2 names the package of each plugin. A reader without a plugin can then say what to install.
  1: (config) => {
    const named = { ...config };
    for (const kind of ["backbone", "quantizer", "rectifier"]) {
      if (config[kind]) named[kind] = { package: null, ...(config[kind] as object) };
    }
    return named;
  },
  // In format 3 the transform is a stage. Before, it was an option of the quantizer.
  2: (config) => {
    const quantizer = config["quantizer"] as { options: Record<string, unknown> };
    const { transform = "none", ...options } = quantizer.options;
    if (options["split"] === "balanced") options["split"] = "eigenvalue";
    const training = config["training"] as { recipe: string };
    return {
      ...config,
      standardize: true,
      transform: { id: transform, package: "@revq/transform-block", options: {} },
      quantizer: { ...quantizer, options },
      training: { ...training, recipe: training.recipe === "fit" ? "kmeans" : training.recipe },
    };
  },
  // In format 4 the transform sees latents in a metric, and the decoder may be adapted. Before,
  // latents were standardized or centred.
  3: ({ standardize, ...config }) => ({
    ...config,
    metric: standardize === false ? "centred" : "standardized",
    decoder: null,
  }),
  // In format 5 another VAE may decode.
  4: ({ backbone, ...config }) => ({ ...config, backbone: backbone && { ...(backbone as object), decoder: null } }),
  // In format 6 the vocabulary is that of the form `groups`, and `layout` says where tokens lie. Before,
  // every token position had ids of its own.
  5: ({ tokens, ...config }) => {
    const { groups, codes } = tokens as { groups: number; codes: number | number[] };
    const vocabulary = typeof codes === "number" ? groups * codes : codes.reduce((sum, size) => sum + size, 0);
    return { ...config, tokens: { ...(tokens as object), vocabulary } };
  },
};

/** Tensors that had another name before format 3. */
const formerNames: Readonly<Record<string, string>> = {
  "quantizer.rotation": "transform.rotation",
  "quantizer.places": "quantizer.permutation",
};

/** The name that a tensor of any format has in the newest one. */
export function currentTensorName(name: string): string {
  return formerNames[name] ?? name;
}

const positive = z.int().min(1);
const pluginSchema = z.strictObject({
  id: z.string(),
  /** The npm package of the plugin; null when unknown (a plugin from a file). */
  package: z.string().nullable(),
  options: z.record(z.string(), z.unknown()),
});

export const tokenizerConfigSchema = z.strictObject({
  formatVersion: z.literal(formatVersion),
  /** `[c, h, w]` of one image's latent. */
  latentShape: z.tuple([positive, positive, positive]),
  /** Side in pixels of the images it was trained on; null for a tokenizer of latents. */
  imageSize: positive.nullable(),
  /** Null for a tokenizer that was trained on latents alone. */
  backbone: pluginSchema
    .extend({
      /**
       * Where the weights are, in the words of the user. Null when they are in this folder or in
       * the plugin.
       */
      weights: z.string().nullable(),
      /** SHA-256 of the weights (`fingerprint` of @revq/core). */
      fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
      /** True when model.safetensors holds the backbone's tensors too. */
      embedded: z.boolean(),
      /**
       * The VAE that decodes in its place, of the same latent space. The fingerprint is over both,
       * and both are embedded or none. Null: the backbone decodes.
       */
      decoder: pluginSchema.extend({ weights: z.string().nullable() }).nullable(),
    })
    .nullable(),
  /** The metric of the latents that the transform sees. */
  metric: z.enum(metricIds),
  transform: pluginSchema,
  quantizer: pluginSchema,
  rectifier: pluginSchema,
  /** Null: images are made by the backbone's own decoder. */
  decoder: decoderSchema.nullable(),
  /** For people and other programs. revq itself takes the layout from the quantizer. */
  tokens: z.strictObject({
    tokens: positive,
    groups: positive,
    /** Codes of each group, or one number when all have the same. */
    codes: z.union([positive, z.array(positive)]),
    /** Codes of all groups: the ids of the form `groups`. */
    vocabulary: positive,
    bitsPerImage: z.number().nonnegative(),
  }),
  /** For readers of ids. Absent in formats before 6. */
  layout: tokenRecordSchema.optional(),
  training: z.strictObject({ recipe: z.string(), preset: z.string().nullable(), seed: z.int() }),
});

export type TokenizerConfig = z.output<typeof tokenizerConfigSchema>;

/**
 * Checks the text of a config.json and upgrades it to the newest format. Throws `tokenizer-config`
 * and `tokenizer-format-newer`.
 *
 * @param where the file, for errors
 *
 * @example
 * import { tokenizerFolder } from "@revq/tokenizer-tiny";
 * import { readFileSync } from "node:fs";
 * const text = readFileSync(new URL("config.json", tokenizerFolder), "utf8");
 * const { quantizer, tokens } = parseTokenizerConfig(text, "config.json");
 * [quantizer.id, tokens.bitsPerImage]; // => ["multigroup", 10240]
 */
export function parseTokenizerConfig(text: string, where: string): TokenizerConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RevqError("tokenizer-config", `${where} is not JSON: ${(cause as Error).message}.`, {
      fix: "The file is damaged; train again or restore it from a copy.",
      cause,
    });
  }
  const version = (json as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === "number" && version < formatVersion) json = upgrade(json as Record<string, unknown>, version);
  if (typeof version === "number" && version > formatVersion) {
    throw new RevqError(
      "tokenizer-format-newer",
      `${where} has format version ${version}; this revq reads up to ${formatVersion}.`,
      { fix: "Install a newer one: npm install @revq/tokenizer@latest." },
    );
  }
  const parsed = tokenizerConfigSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join(".") || "the file"}: ${issueText(issue, json)}`,
    );
    throw new RevqError(
      "tokenizer-config",
      `${where} is not a tokenizer's config: ${problems.slice(0, 3).join("; ")}.`,
      {
        fix: "Name the folder of a tokenizer.",
      },
    );
  }
  return parsed.data;
}

function upgrade(config: Record<string, unknown>, from: number): Record<string, unknown> {
  let upgraded = config;
  for (let version = from; version < formatVersion; version++) {
    const step = upgrades[version];
    if (!step) return config; // no such version: the schema says so
    try {
      upgraded = { ...step(upgraded), formatVersion: version + 1 };
    } catch {
      return config; // parts are missing: the schema says which
    }
  }
  return upgraded;
}
