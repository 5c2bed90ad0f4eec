/** Whether a run adapts the decoder, and what that costs. */
import { RevqError, type Backbone, type DecoderGradients } from "@revq/core";
import type { DecoderMode } from "@revq/tokenizer";
import type { DecoderAdaptation } from "./adaptations.js";
import { decoderBytes, planAdapter, type AdapterPlan } from "./adapter-shapes.js";

/** `auto` adapts decoders that are smaller: 25 MB of float32. */
const smallDecoderBytes = 25e6;

/**
 * The plan of the adapter that a setting means; null keeps the decoder frozen. `auto` is `all` for
 * a small decoder, else `none`. Throws `decoder-frozen` when a mode is named and the decoder has no
 * gradients.
 *
 * @param backbone null for a run on latents alone
 */
export function chooseAdapter(setting: DecoderAdaptation, backbone: Backbone | null, rank: number): AdapterPlan | null {
  if (setting === "none") return null;
  const gradients = backbone?.gradients;
  if (!backbone || !gradients) {
    if (setting === "auto") return null;
    const why = backbone ? `the decoder of ${backbone.spec.name} has no gradients` : "there is no decoder";
    throw new RevqError("decoder-frozen", `The decoder cannot be adapted: ${why}.`, {
      fix: "Keep the decoder as it is, or use another backbone.",
      setting: { path: "train.adaptDecoder", value: "none" },
    });
  }
  const state = backbone.state();
  if (setting !== "auto") return planAdapter(setting, gradients, state, rank);
  return decoderBytes(gradients, state) < smallDecoderBytes ? planAdapter("all", gradients, state, rank) : null;
}

export interface AdaptationCost {
  /** Trained numbers, and all numbers of the decoder. */
  readonly parameters: number;
  readonly ofParameters: number;
  /** What they add to model.safetensors. */
  readonly fileBytes: number;
  /** Two moments, the moving average and the best weights so far. */
  readonly trainingBytes: number;
}

const copiesWhileTraining = 4;

export function adaptationCost(
  { parameters }: AdapterPlan,
  gradients: DecoderGradients,
  backbone: Backbone,
): AdaptationCost {
  const fileBytes = 4 * parameters;
  return {
    parameters,
    ofParameters: decoderBytes(gradients, backbone.state()) / 4,
    fileBytes,
    trainingBytes: copiesWhileTraining * fileBytes,
  };
}

const modeText: Readonly<Record<DecoderMode, string>> = {
  all: "the whole decoder",
  last: "the decoder's last stages",
  lora: "low-rank changes of the decoder",
};

export interface TimedSteps {
  readonly steps: number;
  readonly secondsPerStep: number;
  /** Most memory of the process until after the timed step. */
  readonly peakBytes: number;
}

/** A line for the user, before the steps. */
export function adaptationText(
  { mode, rank }: AdapterPlan,
  cost: AdaptationCost,
  { steps, secondsPerStep, peakBytes }: TimedSteps,
): string {
  const share = `${millions(cost.parameters)} of ${millions(cost.ofParameters)} million parameters`;
  const memory = peakBytes + cost.trainingBytes;
  const minutes = (steps * secondsPerStep) / 60;
  const time = minutes < 1 ? `${Math.ceil(minutes * 60)} s` : `${minutes.toFixed(minutes < 10 ? 1 : 0)} min`;
  return (
    `Adapting ${modeText[mode]}${rank === null ? "" : ` of rank ${rank}`}: ${share}. ` +
    `${steps} steps take about ${time} and ${megabytes(memory)} MB of memory. ` +
    `The tokenizer grows by ${megabytes(cost.fileBytes)} MB.`
  );
}

function millions(count: number): string {
  const value = count / 1e6;
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
