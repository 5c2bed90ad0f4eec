/** The picture stage of a run: whether it runs, with which settings, and what it leaves. */
import {
  RevqError,
  underPrefix,
  withPrefix,
  type Backbone,
  type FitContext,
  type NamedArray,
  type NamedArrays,
  type WeightsSource,
} from "@revq/core";
import type { RunConfig } from "../config/schema.js";
import type { DecoderAdaptation } from "../decoder/adaptations.js";
import type { AdapterPlan } from "../decoder/adapter-shapes.js";
import { chooseAdapter } from "../decoder/choose.js";
import type { LatentSet } from "../evaluation/latent-batches.js";
import { networksFor } from "../evaluation/image-accumulator.js";
import { tooSmallForLpips } from "../evaluation/missing-scores.js";
import { openMetricNetworks } from "../evaluation/open-networks.js";
import type { TrainingInputs } from "../inputs/inputs.js";
import type { RecipeResult } from "../recipes/driver.js";
import type { Checkpoint } from "../run/checkpoints.js";
import type { PictureRecord } from "../run/records.js";
import type { PictureCodec } from "./codec.js";
import type { PlannedSteps } from "./plan-steps.js";
import { selectionFor } from "./select.js";
import { pictureRecordText } from "./text.js";
import { runPictureStage, type PictureStageResult } from "./stage.js";
import { pictureBudget, reasonAgainst } from "./steps.js";

export interface PictureRunInput {
  readonly config: RunConfig;
  readonly inputs: TrainingInputs;
  readonly codec: PictureCodec;
  readonly train: LatentSet;
  readonly val: LatentSet;
  readonly trained: RecipeResult;
  readonly plan: PicturePlan;
  readonly context: FitContext;
  readonly resumed: Checkpoint | null;
  readonly onRecord: (record: PictureRecord) => Promise<void>;
  readonly save: (step: number, checkpoint: Omit<Checkpoint, "run">) => Promise<void>;
}

/** What the settings ask for. */
export interface PicturePlan {
  readonly steps: PlannedSteps;
  /** Its sizes are known when the backbone is fitted. */
  readonly adaptDecoder: DecoderAdaptation;
}

export interface PictureRunResult extends PictureStageResult {
  /** How the decoder was adapted; null: not at all. */
  readonly adapter: AdapterPlan | null;
}

/**
 * Null where no picture is decoded: recipe `paper`, latents alone, nothing asked for. Throws
 * `pictures-not-in-paper`, `pictures-need-decoder`, `decoder-frozen`, `decoder-without-steps`,
 * `select-not-measured`, `pictures-without-loss`.
 *
 * @param backbone null for latents alone
 * @param ability of the rest of the run
 */
export function planPictures(
  { recipe, train, score, data }: Pick<RunConfig, "recipe" | "train" | "score" | "data">,
  backbone: Backbone | null,
  ability: { readonly engine: string; readonly rectifier: boolean },
): PicturePlan | null {
  const { adaptDecoder, picture, select } = train;
  const isAdapted = adaptDecoder !== "auto" && adaptDecoder !== "none";
  const steps = plannedSteps(train);
  const isNamed = isAdapted || Object.values(steps).some(isPositive);
  const decoder = backbone?.gradients !== undefined;
  const lpips = score.lpips !== null && tooSmallForLpips(score, data.imageSize) === null;
  selectionFor(select, { pictures: backbone?.spec.decodes === true, lpips });
  if (recipe === "paper") {
    if (!isNamed) return null;
    throw new RevqError("pictures-not-in-paper", "The recipe paper trains on latents alone.", {
      fix: "Use the recipe kmeans, or leave picture steps and the decoder as they are.",
      setting: { path: "recipe", value: "kmeans" },
    });
  }
  if (!decoder && Object.values(steps).some(isPositive)) {
    const why = backbone ? `the decoder of ${backbone.spec.name} has no gradients` : "there is no decoder";
    throw new RevqError("pictures-need-decoder", `Picture steps are not possible: ${why}.`, {
      fix: "Take none, or use another backbone.",
      setting: { path: isPositive(steps.pictures) ? "train.pictureSteps" : "train.decoderSteps", value: 0 },
    });
  }
  if (isAdapted && steps.decoder === 0) {
    throw new RevqError("decoder-without-steps", "The decoder is adapted by picture steps, and there are none.", {
      fix: "Name a number of steps, or leave it open.",
      setting: { path: train.decoderSteps === 0 ? "train.decoderSteps" : "train.pictureSteps", value: "auto" },
    });
  }
  const isOff =
    (steps.pictures === 0 && steps.decoder === 0) ||
    (!isNamed && reasonAgainst({ decoder, rectifier: ability.rectifier, fast: ability.engine !== "cpu" }) !== null);
  if (isOff) {
    // Still, a named score may decide between the rectifier and none.
    const isJudged = backbone?.spec.decodes === true && (select === "lpips" || select === "psnr");
    return isJudged ? { steps: { pictures: 0, decoder: 0 }, adaptDecoder: "none" } : null;
  }
  if (!decoder) chooseAdapter(adaptDecoder, backbone, picture.decoderRank); // throws
  const { weights } = picture;
  const hasPixelLoss = weights.pixels + (lpips ? weights.lpips : 0) > 0;
  if (!hasPixelLoss && (isAdapted || weights.latent + weights.features === 0)) {
    throw new RevqError("pictures-without-loss", "The weights of the picture stage leave nothing to learn from.", {
      fix: "Give the pixels a weight.",
      setting: { path: "train.picture.weights.pixels", value: 10 },
    });
  }
  // A decoder that is fitted on the images is as good as its kind can be.
  const isFrozen = steps.decoder === 0 || (adaptDecoder === "auto" && (backbone?.fit !== undefined || !hasPixelLoss));
  return { steps, adaptDecoder: isFrozen ? "none" : adaptDecoder };
}

/** An open number of decoder steps follows a named one of picture steps. */
function plannedSteps({ pictureSteps, decoderSteps, adaptDecoder }: RunConfig["train"]): PlannedSteps {
  if (adaptDecoder === "none") return { pictures: pictureSteps, decoder: 0 };
  return { pictures: pictureSteps, decoder: decoderSteps === "auto" ? pictureSteps : decoderSteps };
}

function isPositive(steps: "auto" | number): boolean {
  return typeof steps === "number" && steps > 0;
}

/** Runs the stage, or goes on with it. Null where it decided nothing. */
export async function trainOnPictures(
  input: PictureRunInput,
  dependencies: {
    readonly openWeights: (spec: string) => Promise<WeightsSource>;
    readonly note: (line: string) => void;
  },
): Promise<PictureRunResult | null> {
  const { config, inputs, trained, plan, resumed, context } = input;
  const { train: settings, score } = config;
  const { passes, epochs, seconds } = trained;
  const networks = await openMetricNetworks({ ...score, inception: null }, dependencies.openWeights);
  const { shape } = inputs.val; // a store's images need not have the size of the settings
  const imageSide = Math.min(shape.height, shape.width) * inputs.backbone!.spec.downsample;
  const lpips = networksFor(imageSide, networks).lpips ?? null;
  const progress = resumed?.pictures ?? null;
  const adapter = chooseAdapter(plan.adaptDecoder, inputs.backbone, settings.picture.decoderRank);
  try {
    const result = await runPictureStage({
      codec: input.codec,
      train: input.train,
      val: input.val,
      latents: inputs,
      photographs: inputs.photographs,
      backbone: inputs.backbone!,
      lpips,
      adapter,
      settings,
      select: selectionFor(settings.select, { pictures: true, lpips: lpips !== null }),
      steps: plan.steps,
      budget: pictureBudget(inputs.seconds + seconds.fitCodebooks + seconds.trainRectifier),
      context,
      resumed: progress ? { progress, arrays: underPrefix<NamedArray>("pictures", resumed!.arrays) } : null,
      async onRecord(record) {
        dependencies.note(`Held-out pictures with ${pictureRecordText(record)}.`);
        await input.onRecord(record);
      },
      save: (pictures, arrays: NamedArrays) =>
        input.save(trained.steps + stepsSoFar(pictures), {
          passes,
          epochs,
          stepsIntoEpoch: 0,
          seconds,
          pictures,
          arrays: { ...trained.arrays, ...withPrefix<NamedArray>("pictures", arrays) },
        }),
      note: dependencies.note,
    });
    // Without steps, the errors of all held-out latents have decided already.
    const isUndecided = settings.select === "latent" && Object.values(result.steps).every((count) => count === 0);
    return isUndecided ? null : { ...result, adapter };
  } finally {
    networks.dispose();
  }
}

/** Picture steps that were taken. */
export function stepsSoFar({ phase, step, steps }: NonNullable<Checkpoint["pictures"]>): number {
  // The phases of the run in order: a rectifier without weights has no phase of its own.
  const before = Object.values(steps)
    .slice(0, phase)
    .reduce((sum, count) => sum + count, 0);
  return before + step;
}
