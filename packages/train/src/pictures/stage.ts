/**
 * The picture stage of recipe `kmeans`: the rectifier learns from decoded crops, then the decoder
 * with it, where it is adapted. Models are scored on held-out pictures before, during and after; the
 * best one is kept. A stage that was stopped and resumed ends with the same bits.
 */
import {
  RevqError,
  toNamedArrays,
  type Backbone,
  type FitContext,
  type LatentSource,
  type NamedArrays,
} from "@revq/core";
import type { Lpips } from "@revq/metrics/networks";
import type { RunConfig } from "../config/schema.js";
import type { AdapterPlan } from "../decoder/adapter-shapes.js";
import { createDecoderAdapter } from "../decoder/adapter.js";
import { adaptationCost, adaptationText } from "../decoder/choose.js";
import type { LatentSet } from "../evaluation/latent-batches.js";
import type { PictureProgress } from "../run/checkpoints.js";
import type { PhaseName, PictureModelName, PictureRecord } from "../run/records.js";
import { stopwatch } from "../run/stopwatch.js";
import { BestModel } from "./best-model.js";
import type { PictureCodec } from "./codec.js";
import { createHeldOutScorer } from "./held-out.js";
import { modelArrays, restoreModel, type TrainedModel } from "./model.js";
import { createPicturePhase, type PicturePhase } from "./phase.js";
import type { Photographs } from "./photographs.js";
import type { Selection } from "./select.js";
import { minSteps, stepsThatFit, tooSlowText } from "./steps.js";

export interface PictureStageInput {
  /** Its rectifier is the one that was trained on latents. */
  readonly codec: PictureCodec;
  readonly train: LatentSet;
  readonly val: LatentSet;
  /** Latents of the backbone. */
  readonly latents: { readonly train: LatentSource; readonly val: LatentSource };
  readonly photographs: { readonly train: Photographs; readonly val: Photographs } | null;
  readonly backbone: Backbone;
  readonly lpips: Lpips | null;
  /** Null keeps the decoder frozen. */
  readonly adapter: AdapterPlan | null;
  readonly settings: RunConfig["train"];
  readonly select: Selection;
  /** Steps of each phase, or the seconds that all of them may take. */
  readonly length: { readonly steps: number } | { readonly seconds: number };
  readonly context: Pick<FitContext, "random" | "report" | "signal">;
  /** Where an earlier start of the run stopped; null: the stage begins. */
  readonly resumed: { readonly progress: PictureProgress; readonly arrays: NamedArrays } | null;
  readonly onRecord: (record: PictureRecord) => Promise<void>;
  readonly save: (progress: PictureProgress, arrays: NamedArrays) => Promise<void>;
  readonly note: (line: string) => void;
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

/** How often each phase is measured. */
const measurements = 3;

export async function runPictureStage(input: PictureStageInput): Promise<PictureStageResult> {
  const { codec, backbone, settings, resumed, context } = input;
  const { signal, report } = context;
  const random = context.random.fork("pictures");
  const clock = stopwatch();
  const seconds = (): number => (resumed?.progress.seconds ?? 0) + clock();
  const adapter = input.adapter ? createDecoderAdapter(input.adapter, backbone.state(), random.fork("adapter")) : null;
  const model: TrainedModel = { codec, adapter };
  const openPhase = (name: PhaseName): PicturePhase =>
    createPicturePhase({
      codec,
      train: input.train,
      latents: input.latents.train,
      decoder: backbone.gradients!,
      downsample: backbone.spec.downsample,
      lpips: lpipsForCrops(input),
      photographs: input.photographs?.train ?? null,
      adapter: name === "decoder" ? adapter : null,
      settings,
      random: random.fork(name),
    });
  try {
    const scorer = await createHeldOutScorer({
      ...context,
      codec,
      val: input.val,
      latents: input.latents.val,
      photographs: input.photographs?.val ?? null,
      backbone,
      lpips: input.lpips,
      images: settings.picture.measureImages,
      random: random.fork("held out"),
    });
    const best = new BestModel(model, { backbone, scorer, select: input.select, onRecord: input.onRecord });
    const trainable = codec.rectifier.variables.length > 0;
    const phases: PhaseName[] = [...(trainable ? ["pictures" as const] : []), ...(adapter ? ["decoder" as const] : [])];
    let steps: PictureProgress["steps"];
    if (resumed) {
      ({ steps } = resumed.progress);
      best.restore(resumed.progress, resumed.arrays);
    } else {
      await best.measure("identity", 0);
      if (trainable) await best.measure("latents", 0);
      steps = await planSteps(input, phases, openPhase);
    }
    const save = async (phase: number, step: number, arrays: NamedArrays): Promise<void> =>
      input.save(
        { phase, step, steps, records: best.records, kept: best.kept, seconds: seconds() },
        { ...arrays, ...best.arrays() },
      );
    if (!resumed) await save(0, 0, await modelArrays(model));

    let done = 0;
    const total = phases.reduce((sum, name) => sum + (steps[name] ?? 0), 0);
    for (const [index, name] of phases.entries()) {
      const count = steps[name] ?? 0;
      const first = resumed?.progress.phase === index ? resumed.progress.step : 0;
      if (count === 0 || index < (resumed?.progress.phase ?? 0)) {
        done += count;
        continue;
      }
      if (resumed?.progress.phase === index && first === 0) restoreModel(model, resumed.arrays);
      const phase = openPhase(name);
      try {
        phase.begin(count);
        if (first > 0) phase.restore(resumed!.arrays);
        for (let step = first; step < count; step++) {
          if (signal.aborted) {
            await save(index, step, await phase.state());
            signal.throwIfAborted();
          }
          const loss = await phase.step(step);
          requireFiniteLoss(loss, done + step + 1, name);
          const detail = `loss ${loss.toFixed(4)}`;
          report({ phase: phaseTitles[name], done: done + step + 1, total, detail });
          const isMeasured = ((step + 1) * measurements) % count < measurements;
          if (isMeasured) await phase.during(() => best.measure(name, done + step + 1));
          if (isMeasured || (step + 1) % settings.checkpointSteps === 0)
            await save(index, step + 1, await phase.state());
        }
        const averages = await phase.during(() => modelArrays(model));
        restoreModel(model, averages);
        await save(index + 1, 0, averages);
      } finally {
        phase.dispose();
      }
      done += count;
    }
    best.takeUp();
    const decoder = best.kept === "decoder" ? await toNamedArrays(adapter!.state()) : null;
    return { records: best.records, kept: best.kept, decoder, steps, seconds: seconds() };
  } finally {
    adapter?.dispose();
  }
}

/** LPIPS where crops are large enough for its network. */
function lpipsForCrops({ lpips, latents, settings, backbone }: PictureStageInput): Lpips | null {
  const { height, width } = latents.train.shape;
  const pixels = Math.min(settings.picture.crop, height, width) * backbone.spec.downsample;
  return lpips && pixels >= lpips.minSide ? lpips : null;
}

const phaseTitles: Readonly<Record<PhaseName, string>> = {
  pictures: "train rectifier on pictures",
  decoder: "adapt decoder",
};

/** Steps of each phase: those that were named, or those that fit into the seconds. */
async function planSteps(
  { length, adapter: plan, backbone, settings, note }: PictureStageInput,
  phases: readonly PhaseName[],
  openPhase: (name: PhaseName) => PicturePhase,
): Promise<PictureProgress["steps"]> {
  const times: Partial<Record<PhaseName, number>> = {};
  for (const name of phases) {
    if ("steps" in length && name !== "decoder") continue;
    const phase = openPhase(name);
    times[name] = await phase.time().finally(() => phase.dispose());
  }
  // An adaptation that was named takes its time, which is said before it starts.
  const isNamed = plan !== null && settings.adaptDecoder !== "auto";
  const steps =
    "steps" in length
      ? Object.fromEntries(phases.map((name) => [name, length.steps]))
      : stepsThatFit(length.seconds, times, isNamed ? minSteps : 0);
  for (const name of phases) {
    const [count, secondsPerStep] = [steps[name] ?? 0, times[name]];
    if (secondsPerStep === undefined) continue;
    if ("seconds" in length && count === 0) note(tooSlowText(name, length.seconds, secondsPerStep));
    else if (name === "decoder") {
      const cost = adaptationCost(plan!, backbone.gradients!, backbone);
      note(adaptationText(plan!, cost, { steps: count, secondsPerStep, peakBytes: peakMemory() }));
    } else note(`${count} picture steps of ${secondsPerStep.toFixed(2)} s each.`);
  }
  return steps;
}

/** Most memory of the process so far, in bytes. */
function peakMemory(): number {
  return 1024 * process.resourceUsage().maxRSS;
}

function requireFiniteLoss(loss: number, step: number, phase: PhaseName): void {
  if (Number.isFinite(loss)) return;
  throw new RevqError("training-diverged", `The loss of pictures became ${loss} in picture step ${step}.`, {
    fix: "Start again in another folder with a lower learning rate.",
    setting: { path: phase === "decoder" ? "train.picture.decoderRate" : "train.picture.learningRate" },
  });
}
