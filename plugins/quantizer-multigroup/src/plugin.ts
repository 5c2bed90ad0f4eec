/** The descriptor of the quantizer `multigroup`. */
import {
  RevqError,
  definePlugin,
  type LatentShape,
  type OptionsOf,
  type QuantizerCandidate,
  type QuantizerPlugin,
  type QuantizerRequest,
} from "@revq/core";
import { chooseMultigroup } from "./choose.js";
import { createLayout, tokenLayout, type MultigroupLayout } from "./layout.js";
import { multigroupOptions, type MultigroupInput, type MultigroupOptions } from "./options.js";

/** Channel multi-group vector quantization, arXiv 2507.10547. */
export const multigroup: QuantizerPlugin<typeof multigroupOptions> = definePlugin({
  kind: "quantizer",
  id: "multigroup",
  title: "Channel multi-group vector quantization: codebooks per token or per channel (the paper's)",
  options: multigroupOptions,
  sets: { paper: { split: "channel", groups: "token" }, draft: { iterations: 8, samplesPerCode: 512 } },
  transform: "auto",

  async resolve(options, request) {
    if (!request.latents) return chooseMultigroup(options, request);
    return [await withSizes(options, request, request.latents)];
  },

  /** Open sizes of codebooks are taken to be equal. */
  layout(options, latentShape) {
    const { layout, codes } = resolved(options, latentShape);
    const sizes = options.sizes ?? equalSizes(layout, codes);
    requireSizes(sizes, layout);
    return {
      layout: tokenLayout(layout, sizes),
      parameterCount: sizes.reduce((sum, each) => sum + each, 0) * layout.dim,
    };
  },

  /** Takes options that leave nothing open, as `resolve` gives them. */
  async create(options, { latentShape, transform }) {
    const { layout, codes } = resolved(options, latentShape);
    const { iterations, init, samplesPerCode, allocation } = options;
    if (allocation === "greedy" && !options.sizes) throw notResolved(["sizes"]);
    const sizes = options.sizes ?? equalSizes(layout, codes);
    requireSizes(sizes, layout);
    const { MultigroupQuantizer } = await import("./multigroup-quantizer.js");
    return new MultigroupQuantizer(layout, transform, sizes, { iterations, init, samplesPerCode });
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    multigroup: OptionsOf<typeof multigroup>;
  }
}

/** With codebook sizes chosen from the latents, where the allocation is greedy. */
async function withSizes(
  options: MultigroupOptions,
  request: QuantizerRequest,
  latents: NonNullable<QuantizerRequest["latents"]>,
): Promise<QuantizerCandidate<MultigroupInput>> {
  if (options.allocation !== "greedy" || options.sizes) return { options, reasons: [] };
  const { layout, codes } = resolved(options, latents.shape);
  const { TokenCut } = await import("@revq/plugin-kit");
  const { greedySizes } = await import("./greedy-allocation.js");
  const cut = new TokenCut(
    latents.shape,
    layout.tokens,
    layout.split,
    request.transform(layout.tokens)!,
    layout.groups,
  );
  try {
    cut.fit(latents.variances);
    const sizes = await greedySizes(latents, { ...layout, order: await cut.order() }, codes, request);
    const [min, max] = [Math.min(...sizes), Math.max(...sizes)];
    return {
      options: { ...options, sizes },
      reasons: [`Codebooks have ${min} to ${max} codes, by the variance of their tokens.`],
    };
  } finally {
    cut.dispose();
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
      setting: { path: "quantizer.sizes" },
    },
  );
}

function notResolved(open: readonly string[]): RevqError {
  return new RevqError(
    "quantizer-not-planned",
    `The quantizer multigroup cannot be made while ${open.join(", ")} is open.`,
    { fix: "Set them, or create it with the options that the plugin's `resolve` gives." },
  );
}

/** Layout and number of codes of options that leave nothing open. */
function resolved(
  { tokens, codes, split, groups, allocation, sizes }: MultigroupOptions,
  latentShape: LatentShape,
): { layout: MultigroupLayout; codes: number } {
  if (tokens === undefined || codes === undefined || split === "auto" || groups === "auto") {
    const open = Object.entries({ tokens, codes, split, groups })
      .filter(([, value]) => value === undefined || value === "auto")
      .map(([name]) => name);
    throw notResolved(open);
  }
  if (sizes && allocation !== "greedy") {
    throw new RevqError(
      "codebook-sizes",
      `The option sizes lists ${sizes.length} codebooks, but the allocation is equal.`,
      {
        fix: "Use the allocation greedy, or leave sizes out.",
        setting: { path: "quantizer.allocation", value: "greedy" },
      },
    );
  }
  return { layout: createLayout(latentShape, tokens, split, groups), codes };
}
