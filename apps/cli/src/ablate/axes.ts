/** Flags of `revq ablate` that take several values, and the axes of the grid that they make. */
import { Flags } from "@oclif/core";
import { UsageError } from "../errors/usage-error.js";
import { pathOfFlag } from "../settings/flag-paths.js";

const severalOf = (what: string) =>
  Flags.string({ description: `${what}, separated by commas`, helpValue: "<a,b>", helpGroup: "TRIALS" });

export const axisFlags = {
  backbone: severalOf("plugin ids of VAEs"),
  transform: severalOf("plugin ids of transforms"),
  quantizer: severalOf("plugin ids of quantizers"),
  rectifier: severalOf("plugin ids of rectifiers"),
  recipe: severalOf("recipes: kmeans, paper"),
  tokens: severalOf("tokens per image (T)"),
  codes: severalOf("codes in the codebook of each group (K)"),
};

const numeric = new Set(["tokens", "codes"]);

/** Path of a setting -> its values. Throws `flag-invalid`. */
export function axesOf(flags: Readonly<Record<string, unknown>>): Record<string, unknown[]> {
  const axes: Record<string, unknown[]> = {};
  for (const flag of Object.keys(axisFlags)) {
    const text = flags[flag];
    if (typeof text !== "string") continue;
    const values = text.split(",").map((value) => value.trim());
    axes[pathOfFlag[flag]!] = numeric.has(flag) ? values.map((value) => positive(flag, text, value)) : values;
  }
  return axes;
}

function positive(flag: string, text: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError("flag-invalid", `--${flag} ${text}: "${value}" is not a number of ${flag}.`, {
    fix: `For example: --${flag} 256,512`,
  });
}
