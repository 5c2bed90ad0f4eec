/** The kinds of autoencoders that diffusers knows and revq has backbones for, by config.json or by names of tensors. */
import { RevqError } from "@revq/core";

export type AutoencoderKind = "AutoencoderKL" | "AutoencoderTiny" | "AutoencoderDC";

/** For advice: the id of the backbone that reads it. */
const backboneOf: Readonly<Record<AutoencoderKind, string>> = {
  AutoencoderKL: "sd-vae",
  AutoencoderTiny: "tae",
  AutoencoderDC: "dc-ae",
};

/** Tensors that no other kind has; in a checkpoint of more than the autoencoder they have a prefix. */
const tensorsOf: readonly (readonly [AutoencoderKind, RegExp])[] = [
  ["AutoencoderKL", /(^|\.)decoder\.mid(_block\.resnets\.0|\.block_1)\./],
  ["AutoencoderTiny", /^((encoder|decoder)\.layers\.\d+|\d+)\.(conv\.\d+\.)?weight$/],
  ["AutoencoderDC", /(^|\.)(encoder\.down|decoder\.up)_blocks\.\d+\.\d+\./],
];
const tinyFile = /(^|\/)tae[a-z0-9]+_(encoder|decoder)\.\w+$/;

/** Null if neither says it. */
export function autoencoderKind(className: unknown, tensors: Iterable<string>): AutoencoderKind | null {
  if (typeof className === "string") {
    const named = (Object.keys(backboneOf) as AutoencoderKind[]).find((kind) => className.startsWith(kind));
    if (named) return named;
  }
  for (const name of tensors) {
    const found = tensorsOf.find(([, pattern]) => pattern.test(name));
    if (found) return found[0];
  }
  return null;
}

/** The authors of tiny autoencoders publish each half as a file. */
export function isTinyByFiles(names: readonly string[]): boolean {
  return names.some((name) => tinyFile.test(name));
}

/**
 * @param model what was expected: "an AutoencoderKL"
 * @throws RevqError `model-other-kind` for a kind that another backbone reads
 */
export function refuseOtherKind(spec: string, found: AutoencoderKind | null, model: string): void {
  const wanted = Object.keys(backboneOf).some((kind) => model === `an ${kind}`);
  if (found === null || !wanted || model === `an ${found}`) return;
  const id = backboneOf[found];
  throw new RevqError("model-other-kind", `${spec} is an ${found}; ${model} was expected.`, {
    fix: `The backbone ${id} reads it.`,
    setting: { path: "backbone.id", value: id },
  });
}
