/** The plugin descriptor: `--quantizer multigroup`. */
import { RevqError, definePlugin, parseOptions, type LatentShape, type QuantizerPlugin } from "@revq/core";
import { createLayout, type MultigroupLayout } from "./layout.js";
import { MultigroupQuantizer } from "./multigroup-quantizer.js";
import { multigroupOptions, type MultigroupInput, type MultigroupOptions } from "./options.js";
import { planMultigroup } from "./plan.js";

/** Channel multi-group vector quantization, arXiv 2507.10547. */
export const multigroup: QuantizerPlugin<typeof multigroupOptions> = definePlugin({
  kind: "quantizer",
  id: "multigroup",
  title: "Channel multi-group vector quantization: codebooks per token or per channel (the paper's)",
  options: multigroupOptions,
  recipes: { fit: { transform: "auto" }, paper: { transform: "none", split: "channel", groups: "token" } },

  plan({ options, ...request }) {
    return planMultigroup({ ...request, options: parseOptions(multigroup, options as MultigroupInput) });
  },

  describe(options, { latentShape }) {
    const { layout, codes } = closed(options, latentShape);
    const { tokens, groups, groupOf, dim } = layout;
    return {
      tokens: { tokens, codes: new Array<number>(groups).fill(codes), groupOf },
      parameters: groups * codes * dim + transformParameters(layout),
    };
  },

  /** Takes options without gaps, as `plan` gives them. */
  create(options, { latentShape }) {
    const { layout, codes } = closed(options, latentShape);
    const { iterations, init, samplesPerCode } = options;
    return new MultigroupQuantizer(layout, { codes, iterations, init, samplesPerCode });
  },
});

/** Layout and number of codes of options that leave nothing open. */
function closed(
  { tokens, codes, transform, split, groups }: MultigroupOptions,
  latentShape: LatentShape,
): { layout: MultigroupLayout; codes: number } {
  if (tokens === undefined || codes === undefined || split === "auto" || groups === "auto" || transform === "auto") {
    const open = Object.entries({ tokens, codes, transform, split, groups })
      .filter(([, value]) => value === undefined || value === "auto")
      .map(([name]) => name);
    throw new RevqError(
      "quantizer-not-planned",
      `The quantizer multigroup cannot be made while ${open.join(", ")} is open.`,
      { fix: "Call the plugin's `plan` first and create it with the options that it gives, or set them." },
    );
  }
  return { layout: createLayout(latentShape, tokens, split, groups, transform), codes };
}

/** Numbers of the rotations, and of the coefficients' places. */
function transformParameters({ transform, split }: MultigroupLayout): number {
  if (!transform) return 0;
  const { count, dim } = transform.rotations;
  return count * dim * dim + (split === "balanced" ? transform.size : 0);
}
