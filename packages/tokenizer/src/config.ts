/**
 * `config.json` of a tokenizer folder: which plugins with which options, on which latents. Everything with numbers in it is
 * in `model.safetensors` beside it.
 */
import { latentShapeFromArray, RevqError, type LatentShape } from "@revq/core";
import { z } from "zod";

/** Version of the folder's format. An older one opens (see `upgrades`); a newer one is refused. */
export const formatVersion = 2;

/** What turns the JSON of version n into that of version n + 1. Every version that was ever written stays in here. */
const upgrades: Readonly<Record<number, (config: Record<string, unknown>) => Record<string, unknown>>> = {
  // 2 names the package of each plugin, so that a reader without it can say what to install.
  1: (config) => {
    const named = { ...config };
    for (const kind of ["backbone", "quantizer", "rectifier"]) {
      if (config[kind]) named[kind] = { package: null, ...(config[kind] as object) };
    }
    return named;
  },
};

const positive = z.int().min(1);
const pluginSchema = z.strictObject({
  id: z.string(),
  /** The npm package that brings the plugin; null when that is not known (a plugin out of a file). */
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
      /** Where the weights are, as `--weights` took it; null for a backbone that lives in this folder or has its own. */
      weights: z.string().nullable(),
      /** SHA-256 of the weights (`fingerprint` of @revq/core). */
      fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
      /** True when model.safetensors holds the backbone's tensors too. */
      embedded: z.boolean(),
    })
    .nullable(),
  quantizer: pluginSchema,
  rectifier: pluginSchema,
  /** For people and other programs; the quantizer's own `tokens` rules. */
  tokens: z.strictObject({
    tokens: positive,
    groups: positive,
    /** Codes of each group, or one number when all have the same. */
    codes: z.union([positive, z.array(positive)]),
    vocabulary: positive,
    bitsPerImage: z.number().nonnegative(),
  }),
  training: z.strictObject({ recipe: z.string(), preset: z.string().nullable(), seed: z.int() }),
});

export type TokenizerConfig = z.output<typeof tokenizerConfigSchema>;

/** Reads and checks the text of a config.json. `where` names the file in errors. */
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
      { fix: "Install a newer one: npm install @revq/tokenizer@latest (or @revq/cli@latest)." },
    );
  }
  const parsed = tokenizerConfigSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`);
    throw new RevqError(
      "tokenizer-config",
      `${where} is not a tokenizer's config: ${problems.slice(0, 3).join("; ")}.`,
      {
        fix: "Name a folder that `revq train` made.",
      },
    );
  }
  return parsed.data;
}

function upgrade(config: Record<string, unknown>, from: number): Record<string, unknown> {
  let upgraded = config;
  for (let version = from; version < formatVersion; version++) {
    const step = upgrades[version];
    if (!step) return config; // not a version that ever was: the schema says so
    upgraded = { ...step(upgraded), formatVersion: version + 1 };
  }
  return upgraded;
}

export function configLatentShape(config: TokenizerConfig): LatentShape {
  return latentShapeFromArray(config.latentShape);
}
