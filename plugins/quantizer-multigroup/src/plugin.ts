/** The plugin descriptor: `--quantizer multigroup`. */
import {
  RevqError,
  definePlugin,
  parseOptions,
  type LatentShape,
  type QuantizerPlugin,
  type OptionsOf,
} from "@revq/core";
import { createLayout, type MultigroupLayout } from "./layout.js";
import { MultigroupQuantizer } from "./multigroup-quantizer.js";
import { multigroupOptions, type MultigroupInput, type MultigroupOptions } from "./options.js";
import { planMultigroup } from "./plan.js";
import { settleSizes } from "./settle.js";

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

  async settle(options, latents, context) {
    if (options.allocation !== "greedy" || options.sizes) return { options, reasons: [] };
    const { layout, codes } = closed(options, latents.shape);
    const sizes = await settleSizes(latents, layout, codes, context);
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
    return {
      options: { ...options, sizes },
      reasons: [`Codebooks have ${least} to ${most} codes, by how much their tokens vary.`],
    };
  },

  /** Sizes that `settle` has not chosen yet are taken to be equal. */
  describe(options, { latentShape }) {
    const { layout, codes } = closed(options, latentShape);
    const { tokens, groupOf, dim } = layout;
    const sizes = options.sizes ?? equalSizes(layout, codes);
    requireSizes(sizes, layout);
    return {
      tokens: { tokens, codes: sizes, groupOf },
      parameters: sizes.reduce((sum, each) => sum + each, 0) * dim + transformParameters(layout),
    };
  },

  /** Takes options without gaps, as `plan` and `settle` give them. */
  create(options, { latentShape }) {
    const { layout, codes } = closed(options, latentShape);
    const { iterations, init, samplesPerCode, allocation } = options;
    if (allocation === "greedy" && !options.sizes) throw notPlanned(["sizes"]);
    const sizes = options.sizes ?? equalSizes(layout, codes);
    requireSizes(sizes, layout);
    return new MultigroupQuantizer(layout, sizes, { iterations, init, samplesPerCode });
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    multigroup: OptionsOf<typeof multigroup>;
  }
}

function equalSizes({ groups }: MultigroupLayout, codes: number): number[] {
  return new Array<number>(groups).fill(codes);
}

function requireSizes(sizes: readonly number[], { groups }: MultigroupLayout): void {
  if (sizes.length === groups) return;
  throw new RevqError(
    "codebook-sizes",
    `The option sizes lists ${sizes.length} codebooks, but there are ${groups} groups.`,
    {
      fix: "List the codes of every group, or leave sizes out: they are chosen from the latents.",
    },
  );
}

function notPlanned(open: readonly string[]): RevqError {
  return new RevqError(
    "quantizer-not-planned",
    `The quantizer multigroup cannot be made while ${open.join(", ")} is open.`,
    { fix: "Call the plugin's `plan` and `settle` first and create it with the options that they give, or set them." },
  );
}

/** Layout and number of codes of options that leave nothing open. */
function closed(
  { tokens, codes, transform, split, groups, allocation, sizes }: MultigroupOptions,
  latentShape: LatentShape,
): { layout: MultigroupLayout; codes: number } {
  if (tokens === undefined || codes === undefined || split === "auto" || groups === "auto" || transform === "auto") {
    const open = Object.entries({ tokens, codes, transform, split, groups })
      .filter(([, value]) => value === undefined || value === "auto")
      .map(([name]) => name);
    throw notPlanned(open);
  }
  if (sizes && allocation !== "greedy") {
    throw new RevqError(
      "codebook-sizes",
      `The option sizes lists ${sizes.length} codebooks, but allocation is equal.`,
      {
        fix: "Set allocation=greedy, or leave sizes out.",
      },
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
