/**
 * The picture stage of recipe `kmeans`: the rectifier learns from decoded crops, then the decoder
 * with it, where it is adapted. Models are scored on held-out pictures before, during and after; the
 * best one is kept. A stage that was stopped and resumed ends with the same bits.
 */
import { toNamedArrays, type FitContext, type LatentSource, type NamedArrays, type Random } from "@revq/core";
import type { Lpips } from "@revq/metrics/networks";
import type { RunConfig } from "../config/schema.js";
import { createDecoderAdapter, type DecoderAdapter } from "../decoder/adapter.js";
import type { LatentSet } from "../evaluation/latent-batches.js";
import type { PictureProgress } from "../run/checkpoints.js";
import type { PhaseName, PictureModelName, PictureRecord } from "../run/records.js";
import { stopwatch } from "../run/stopwatch.js";
import { BestModel } from "./best-model.js";
import type { PictureCodec } from "./codec.js";
import { createHeldOutScorer, type HeldOutScorer } from "./held-out.js";
import { modelArrays, restoreModel, type TrainedModel } from "./model.js";
import { createPicturePhase, type PicturePhase } from "./phase.js";
import type { Photographs } from "./photographs.js";
import { planSteps, type PlanStepsInput } from "./plan-steps.js";
import type { Selection } from "./select.js";
import { takeSteps, type PhaseSteps, type StepContext } from "./take-steps.js";

export interface PictureStageInput extends PlanStepsInput {
  /** Its rectifier is the one that was trained on latents. */
  readonly codec: PictureCodec;
  readonly train: LatentSet;
  readonly val: LatentSet;
  /** Latents of the backbone. */
  readonly latents: { readonly train: LatentSource; readonly val: LatentSource };
  readonly photographs: { readonly train: Photographs; readonly val: Photographs } | null;
  readonly lpips: Lpips | null;
  readonly settings: RunConfig["train"];
  readonly select: Selection;
  readonly context: Pick<FitContext, "random" | "report" | "signal">;
  /** Where an earlier start of the run stopped; null: the stage begins. */
  readonly resumed: { readonly progress: PictureProgress; readonly arrays: NamedArrays } | null;
  readonly onRecord: (record: PictureRecord) => Promise<void>;
  readonly save: (progress: PictureProgress, arrays: NamedArrays) => Promise<void>;
}

export interface PictureStageResult {
  readonly records: readonly PictureRecord[];
  /** What is kept. The codec's rectifier has its weights, unless it is `identity`. */
  readonly kept: PictureModelName;
  /** `DecoderAdapter.state()` of the kept model; null unless `decoder` is kept. */
  readonly decoder: NamedArrays | null;
  /** Steps of each phase. */
  readonly steps: PictureProgress["steps"];
  readonly seconds: number;
}

export async function runPictureStage(input: PictureStageInput): Promise<PictureStageResult> {
  const { codec, backbone, resumed } = input;
  const random = input.context.random.fork("pictures");
  const clock = stopwatch();
  const seconds = (): number => (resumed?.progress.seconds ?? 0) + clock();
  const adapter = input.adapter ? createDecoderAdapter(input.adapter, backbone.state(), random.fork("adapter")) : null;
  const model: TrainedModel = { codec, adapter };
  const trainable = codec.rectifier.variables.length > 0;
  const phases: PhaseName[] = [...(trainable ? ["pictures" as const] : []), ...(adapter ? ["decoder" as const] : [])];
  const openPhase = (name: PhaseName): PicturePhase => openPhaseOf(input, name, adapter, random.fork(name));
  try {
    const scorer = await openScorer(input, random.fork("held out"));
    const best = new BestModel(model, { backbone, scorer, select: input.select, onRecord: input.onRecord });
    if (resumed) best.restore(resumed.progress, resumed.arrays);
    else {
      await best.measure("identity", 0);
      if (trainable) await best.measure("latents", 0);
    }
    const steps = resumed?.progress.steps ?? (await planSteps(input, phases, openPhase));
    const save = async (phase: number, step: number, arrays: NamedArrays): Promise<void> =>
      input.save(
        { phase, step, steps, records: best.records, kept: best.kept, seconds: seconds() },
        { ...arrays, ...best.arrays() },
      );
    if (!resumed) await save(0, 0, await modelArrays(model));
    const start = resumed?.progress ?? { phase: 0, step: 0 };
    if (resumed && start.step === 0 && start.phase < phases.length) restoreModel(model, resumed.arrays);
    const parts = { input, model, best, openPhase };
    for (const [index, ofPhase] of inOrder(phases, steps).entries()) {
      if (ofPhase.count === 0 || index < start.phase) continue;
      const first = index === start.phase ? start.step : 0;
      const averages = await runPhase(parts, ofPhase, first, (step, arrays) => save(index, step, arrays));
      await save(index + 1, 0, averages);
    }
    best.takeUp();
    const decoder = best.kept === "decoder" ? await toNamedArrays(adapter!.state()) : null;
    return { records: best.records, kept: best.kept, decoder, steps, seconds: seconds() };
  } finally {
    adapter?.dispose();
  }
}

interface StageParts {
  readonly input: PictureStageInput;
  readonly model: TrainedModel;
  readonly best: BestModel;
  readonly openPhase: (name: PhaseName) => PicturePhase;
}

/**
 * Leaves the model with the averages of the phase, and returns them.
 *
 * @param first finished steps; above 0 the phase goes on from the arrays of the checkpoint
 */
async function runPhase(
  { input: { context, resumed, settings }, model, best, openPhase }: StageParts,
  steps: PhaseSteps,
  first: number,
  save: StepContext["save"],
): Promise<NamedArrays> {
  const phase = openPhase(steps.name);
  try {
    phase.begin(steps.count);
    if (first > 0) phase.restore(resumed!.arrays);
    const measure = (pictureStep: number): Promise<void> => best.measure(steps.name, pictureStep);
    await takeSteps(phase, first, steps, { ...context, checkpointSteps: settings.checkpointSteps, measure, save });
    const averages = await phase.during(() => modelArrays(model));
    restoreModel(model, averages);
    return averages;
  } finally {
    phase.dispose();
  }
}

function inOrder(phases: readonly PhaseName[], steps: PictureProgress["steps"]): PhaseSteps[] {
  const counts = phases.map((name) => steps[name] ?? 0);
  const sum = (list: readonly number[]): number => list.reduce((total, count) => total + count, 0);
  return phases.map((name, index) => ({
    name,
    count: counts[index]!,
    before: sum(counts.slice(0, index)),
    total: sum(counts),
  }));
}

function openPhaseOf(
  input: PictureStageInput,
  name: PhaseName,
  adapter: DecoderAdapter | null,
  random: Random,
): PicturePhase {
  const { codec, train, latents, photographs, backbone, settings } = input;
  return createPicturePhase({
    codec,
    train,
    latents: latents.train,
    decoder: backbone.gradients!,
    downsample: backbone.spec.downsample,
    lpips: lpipsForCrops(input),
    photographs: photographs?.train ?? null,
    adapter: name === "decoder" ? adapter : null,
    settings,
    random,
  });
}

function openScorer(input: PictureStageInput, random: Random): Promise<HeldOutScorer> {
  const { codec, val, latents, photographs, backbone, lpips, settings, context } = input;
  return createHeldOutScorer({
    ...context,
    codec,
    val,
    latents: latents.val,
    photographs: photographs?.val ?? null,
    backbone,
    lpips,
    images: settings.picture.measureImages,
    random,
  });
}

/** LPIPS where crops are large enough for its network. */
function lpipsForCrops({ lpips, latents, settings, backbone }: PictureStageInput): Lpips | null {
  const { height, width } = latents.train.shape;
  const pixels = Math.min(settings.picture.crop, height, width) * backbone.spec.downsample;
  return lpips && pixels >= lpips.minSide ? lpips : null;
}
