/** Which files of a place are a variant's weights: a file a half, as the authors publish them, or diffusers' `AutoencoderTiny` in one. */
import { RevqError } from "@revq/core";
import { variants, variantNames, type VariantName } from "./architecture.js";

export type Half = "encoder" | "decoder";

export type FoundWeights =
  /** `files`: one for each half that the variant has. */
  | { readonly naming: "authors"; readonly variant: VariantName; readonly files: readonly (readonly [Half, string])[] }
  /** The variant is undefined where the user did not name it: the model's config says. */
  | { readonly naming: "diffusers"; readonly variant: VariantName | undefined };

const defaultVariant: VariantName = "taesd";

/** safetensors first: a checkpoint of PyTorch costs more to read. */
const endings = [".safetensors", ".pth"] as const;

const diffusersFile = /^(vae\/)?diffusion_pytorch_model\./;

export function halvesOf(variant: VariantName): readonly Half[] {
  return variants[variant].decoder ? ["encoder", "decoder"] : ["encoder"];
}

/**
 * @param wanted the variant that the user named; without one it is the default's where its files are there, else the only one's
 * that are, else diffusers'. Throws `tae-weights-missing` and `tae-weights-half`.
 */
export function findWeights(names: readonly string[], wanted: VariantName | undefined, spec: string): FoundWeights {
  const complete = (wanted ? [wanted] : variantNames).filter((variant) =>
    halvesOf(variant).every((half) => findFile(names, variant, half) !== undefined),
  );
  const variant = complete.length === 1 ? complete[0]! : complete.find((name) => name === defaultVariant);
  if (variant) {
    const files = halvesOf(variant).map((half) => [half, findFile(names, variant, half)!] as const);
    return { naming: "authors", variant, files };
  }
  if (names.some((name) => diffusersFile.test(name))) return { naming: "diffusers", variant: wanted };
  throw missingFiles(names, wanted ?? defaultVariant, complete, spec);
}

/** The shallowest file of that name, in whatever subfolder. */
function findFile(names: readonly string[], variant: VariantName, half: Half): string | undefined {
  const found = (ending: string): string | undefined =>
    names
      .filter((name) => name.slice(name.lastIndexOf("/") + 1) === `${variant}_${half}${ending}`)
      .sort((a, b) => a.split("/").length - b.split("/").length)[0];
  return found(endings[0]) ?? found(endings[1]);
}

function missingFiles(
  names: readonly string[],
  variant: VariantName,
  others: readonly VariantName[],
  spec: string,
): RevqError {
  const halves = halvesOf(variant);
  const missing = halves.filter((half) => findFile(names, variant, half) === undefined);
  const files = missing.map((half) => `${variant}_${half}.safetensors`);
  const other = others.length > 0 ? others.join(", ") : "another one";
  const fix = `Give a folder that holds ${files.join(" and ")} (github.com/madebyollin/taesd), hf:madebyollin/${variant}, or choose ${other} with --set backbone.variant.`;
  if (missing.length < halves.length) {
    return new RevqError(
      "tae-weights-half",
      `${spec} gives only one half of ${variant}: ${files[0]} is missing; encoder and decoder are separate files.`,
      { fix },
    );
  }
  const shown = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length} files)` : "");
  return new RevqError("tae-weights-missing", `${spec} has no weights of ${variant}; it has ${shown || "no files"}.`, {
    fix,
  });
}
