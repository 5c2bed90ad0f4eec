/**
 * The plan of a run: which plugins with which options, once the shape and the number of latents are
 * known.
 */
import {
  bitsPerImage,
  latentShapeToArray,
  RevqError,
  type FitContext,
  type LatentShape,
  type PluginRegistry,
  type TransformLayout,
} from "@revq/core";
import type { RunConfig } from "../config/schema.js";

/** A plugin with all its options, as config.json keeps them. */
export interface PluginSelection {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TrainingPlan {
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly transform: PluginSelection & { readonly layout: TransformLayout };
  readonly quantizer: PluginSelection;
  readonly rectifier: PluginSelection;
  /** Why the quantizer chose what the user left open. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  /** Codes are learned one by one, so each needs samples. */
  readonly learnsCodes: boolean;
  readonly summary: PlanSummary;
}

export interface PlanSummary {
  /** `[c, h, w]` */
  readonly latentShape: readonly [number, number, number];
  readonly trainingSamples: number;
  readonly transform: string;
  readonly tokens: number;
  readonly groups: number;
  /** Codebook size of each group. */
  readonly codes: readonly number[];
  readonly bitsPerImage: number;
  readonly samplesPerCode: number;
  readonly parameters: { readonly transform: number; readonly codebooks: number; readonly rectifier: number };
}

export interface PlanInput {
  readonly config: RunConfig;
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly plugins: PluginRegistry;
  readonly context: Pick<FitContext, "random" | "report" | "signal">;
}

/**
 * With fewer samples per code, a centroid is mostly noise (`docs/method.md`: it needs 30 to 50).
 */
const wantedSamplesPerCode = 30;

/** Adds everything that follows from the options. Throws `no-transform-fits`. */
export function completePlan(
  selected: Omit<TrainingPlan, "warnings" | "learnsCodes" | "summary" | "transform"> & {
    readonly transform: PluginSelection;
  },
  plugins: PluginRegistry,
): TrainingPlan {
  const { latentShape, samples, transform, quantizer, rectifier } = selected;
  const described = plugins.get("quantizer", quantizer.id).layout(quantizer.options, latentShape);
  const { layout, parameterCount } = described;
  const transformPlugin = plugins.get("transform", transform.id);
  const transformContext = { latentShape, tokens: layout.count };
  const transformLayout = transformPlugin.layout(transform.options, transformContext);
  if (!transformLayout) throw noTransformFits(transform.id, latentShape, layout.count);
  const codes = layout.codebookSizes.reduce((sum, size) => sum + size, 0);
  const samplesPerCode = (samples * layout.count) / codes;
  // A fixed grid has fewer parameters than codes. It needs no data.
  const learnsCodes = described.learnsCodes ?? parameterCount >= codes;
  const warnings =
    learnsCodes && samplesPerCode < wantedSamplesPerCode
      ? [
          `Only ${samplesPerCode.toFixed(1)} training samples per code (a code needs ${wantedSamplesPerCode} or more). ` +
            "New images will be blurred. Use more images, fewer codes, or codebooks that more tokens share.",
        ]
      : [];
  return {
    ...selected,
    transform: { ...transform, layout: transformLayout },
    warnings,
    learnsCodes,
    summary: {
      latentShape: latentShapeToArray(latentShape),
      trainingSamples: samples,
      transform: transform.id,
      tokens: layout.count,
      groups: layout.codebookSizes.length,
      codes: layout.codebookSizes,
      bitsPerImage: bitsPerImage(layout),
      samplesPerCode,
      parameters: {
        transform: transformPlugin.parameterCount(transform.options, transformContext),
        codebooks: parameterCount,
        rectifier: plugins.get("rectifier", rectifier.id).parameterCount(rectifier.options, latentShape),
      },
    },
  };
}

/**
 * Refuses codebooks with more codes than there are vectors to learn them from, if all candidates have
 * such. A number of codes that nobody named is only warned of, as a plan does. Throws `too-many-codes`.
 *
 * @param explicit paths of the settings that the user named
 */
export function requireEnoughVectors(candidates: readonly TrainingPlan[], explicit: ReadonlySet<string>): void {
  if (!explicit.has("quantizer.codes") && !explicit.has("bits")) return;
  const [first] = [...candidates].sort((a, b) => b.summary.samplesPerCode - a.summary.samplesPerCode);
  const { summary, quantizer, learnsCodes } = first!;
  const { trainingSamples, tokens, groups, codes, samplesPerCode } = summary;
  if (!learnsCodes || samplesPerCode >= 1) return;
  const vectors = Math.floor((trainingSamples * tokens) / groups);
  const supported = Math.max(2, Math.floor(vectors / wantedSamplesPerCode));
  throw new RevqError(
    "too-many-codes",
    `A codebook has ${Math.max(...codes)} codes, and ${vectors} vectors to learn them from: ${trainingSamples} training images of ` +
      `${tokens} tokens, in ${groups} ${groups === 1 ? "codebook" : "codebooks"}.`,
    {
      fix: `These data support about ${supported} codes (${wantedSamplesPerCode} vectors for each). Use fewer codes, more images, or codebooks that more tokens share.`,
      ...("codes" in quantizer.options ? { setting: { path: "quantizer.codes", value: supported } } : {}),
    },
  );
}

function noTransformFits(id: string, latentShape: LatentShape, tokens: number): RevqError {
  return new RevqError(
    "no-transform-fits",
    `The transform ${id} has no blocks for the latent [${latentShapeToArray(latentShape)}] that divide ${tokens} tokens.`,
    { fix: "Use another number of tokens, or no transform.", setting: { path: "transform.id", value: "none" } },
  );
}
