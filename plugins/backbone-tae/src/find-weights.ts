/**
 * Finds a variant's weights among the files of a place: one file for each half, as the authors
 * publish them, or an `AutoencoderTiny` of diffusers in one file.
 */
import { RevqError } from "@revq/core";
import { shortList } from "@revq/formats";
import { defaultVariant, halvesOf, variantNames, type Half, type VariantName } from "./architecture.js";

export type FoundWeights =
  /** `files`: one for each half that the variant has. */
  | { readonly naming: "authors"; readonly variant: VariantName; readonly files: readonly (readonly [Half, string])[] }
  /** The variant is undefined where the user did not name it. The model's config then decides. */
  | { readonly naming: "diffusers"; readonly variant: VariantName | undefined };

/** Safetensors are preferred: a PyTorch checkpoint takes longer to read. */
const endings = [".safetensors", ".pth"] as const;

const diffusersFile = /^(vae\/)?diffusion_pytorch_model\./;
const weightsFile = /\.(safetensors|sft|pth|pt|ckpt|bin)$/i;
const authorsFile = /(^|\/)tae[a-z0-9]+_(encoder|decoder)\./;

/** An `AutoencoderTiny` in one file: diffusers' name, or another one alone or beside a config.json. */
function hasDiffusers(names: readonly string[]): boolean {
  if (names.some((name) => diffusersFile.test(name))) return true;
  const others = names.filter((name) => weightsFile.test(name) && !authorsFile.test(name));
  return others.length > 0 && (names.length === 1 || names.some((name) => /^(vae\/)?config\.json$/.test(name)));
}

/**
 * Without a wanted variant: the only one whose files are all there, or the default one among
 * several, or diffusers'.
 * @throws RevqError `tae-weights-missing`, `tae-weights-half`
 */
export function findWeights(names: readonly string[], wanted: VariantName | undefined, spec: string): FoundWeights {
  const present = (wanted ? [wanted] : variantNames).filter((variant) =>
    halvesOf(variant).every((half) => findFile(names, variant, half) !== undefined),
  );
  const variant = present.length === 1 ? present[0]! : present.find((name) => name === defaultVariant);
  if (variant) {
    const files = halvesOf(variant).map((half) => [half, findFile(names, variant, half)!] as const);
    return { naming: "authors", variant, files };
  }
  if (hasDiffusers(names)) return { naming: "diffusers", variant: wanted };
  throw missingFiles(names, wanted ?? defaultVariant, present, spec);
}

/** The file of that name in any folder, the one nearest the top first. */
function findFile(names: readonly string[], variant: VariantName, half: Half): string | undefined {
  const found = (ending: string): string | undefined =>
    names
      .filter((name) => name.slice(name.lastIndexOf("/") + 1) === `${variant}_${half}${ending}`)
      .sort((a, b) => a.split("/").length - b.split("/").length)[0];
  return found(endings[0]) ?? found(endings[1]);
}

/** @param others variants that are there */
export function missingFiles(
  names: readonly string[],
  variant: VariantName,
  others: readonly VariantName[],
  spec: string,
): RevqError {
  const halves = halvesOf(variant);
  const missing = halves.filter((half) => findFile(names, variant, half) === undefined);
  const files = missing.map((half) => `${variant}_${half}.safetensors`);
  const repository = variant === "taesana" ? "" : `, or hf:madebyollin/${variant}`;
  const other = others.length > 0 ? ` The variants that are there: ${others.join(", ")}.` : "";
  const options = {
    fix: `Name a folder that holds ${files.join(" and ")} (github.com/madebyollin/taesd)${repository}.${other}`,
    setting: { path: "backbone.weights" },
  };
  if (missing.length < halves.length) {
    return new RevqError(
      "tae-weights-half",
      `${spec} has only one half of ${variant}: ${files[0]} is missing. Encoder and decoder are separate files.`,
      options,
    );
  }
  return new RevqError(
    "tae-weights-missing",
    `${spec} has no weights of ${variant}; it has ${shortList(names)}.`,
    options,
  );
}
