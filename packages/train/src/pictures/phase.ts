/**
 * Steps on pictures: the rectifier, and in a later phase the decoder with it, learn from crops of
 * decoded latents. Codebooks do not change. The moving average of the weights is what is measured.
 */
import { toNamedArrays, withPrefix, type Disposable, type NamedArrays, type Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.js";
import { createAdversary } from "../decoder/adversary.js";
import { createAdamW } from "../optimizer/adamw.js";
import { createWeightAverage } from "../optimizer/average.js";
import { clipScale } from "../optimizer/clip.js";
import { cosineDecay, warmUp } from "../optimizer/schedule.js";
import { stopwatch } from "../run/stopwatch.js";
import { lendTensors } from "../run/tensor-state.js";
import { drawCrops, type LatentCrop } from "./crops.js";
import { stepGradients, type GradientsInput } from "./gradients.js";

export interface PhaseInput extends Omit<GradientsInput, "weights" | "side" | "variables"> {
  readonly settings: Pick<RunConfig["train"], "picture" | "weightDecay" | "clipNorm" | "finalRate">;
  readonly random: Random;
}

export interface PicturePhase extends Disposable {
  /** Seconds of one step, without taking it. */
  time(): Promise<number>;
  /** Sets the length, on which the schedule of the rate depends. Before the first step. */
  begin(steps: number): void;
  /** @returns the loss. @param index from 0 */
  step(index: number): Promise<number>;
  /** Runs `work` with the averages in place of the weights. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** `optimizer.*`, `average.*`, `rectifier.*`, `decoder.*`, `discriminator.*`, `discriminatorOptimizer.*`. */
  state(): Promise<NamedArrays>;
  restore(arrays: NamedArrays): void;
}

/** The average remembers this part of the steps. */
const averagedPart = 0.1;
/** The rate rises over this part of the steps. */
const warmUpPart = 0.1;
/** A discriminator only learns during this part of the steps: at first it has nothing to say. */
const unopposedPart = 0.25;

/** Engines compile in the first steps, and other work on the machine slows some: the fastest step counts. */
const timedSteps = 4;

export function createPicturePhase(input: PhaseInput): PicturePhase {
  const { latents, adapter, settings, random } = input;
  const { picture, weightDecay, clipNorm, finalRate } = settings;
  const { rectifier } = input.codec;
  const { height, width } = latents.shape;
  const side = Math.min(picture.crop, height, width);
  const groups = { rectifier: rectifier.variables, decoder: adapter?.variables ?? [] };
  const rectifierRate = adapter ? picture.decoderRate : picture.learningRate;
  const variables = Object.values(groups).flat();
  const optimizer = createAdamW([
    { name: "rectifier", variables: groups.rectifier, learningRate: rectifierRate, weightDecay },
    { name: "decoder", variables: groups.decoder, learningRate: picture.decoderRate, weightDecay: 0 },
  ]);
  const ofStep: GradientsInput = { ...input, weights: picture.weights, side, variables };
  const adversary =
    adapter && picture.discriminator > 0
      ? createAdversary({
          weight: picture.discriminator,
          learningRate: picture.decoderRate,
          clipNorm,
          random: random.fork("discriminator"),
        })
      : null;
  let opposedFrom = 0;
  let average: ReturnType<typeof createWeightAverage> | null = null;
  let schedule = (_step: number): number => 1;

  const draw = (index: number): LatentCrop[] =>
    drawCrops(random.fork(`step ${index}`), latents.count, latents.shape, { batch: picture.batch, side });

  return {
    async time() {
      let seconds = Infinity;
      for (let run = 0; run < timedSteps; run++) {
        const clock = stopwatch();
        const { loss, grads, pictures } = await stepGradients(ofStep, draw(run), adversary, true);
        if (pictures) adversary!.learn(pictures.targets, pictures.made).dispose();
        await Promise.all([loss, ...Object.values(grads)].map((tensor) => tensor.data()));
        tf.dispose([loss, grads, { ...pictures }]);
        seconds = Math.min(seconds, clock());
      }
      return seconds;
    },

    begin(steps) {
      opposedFrom = Math.floor(unopposedPart * steps);
      schedule = warmUp(cosineDecay(1, steps, finalRate), warmUpPart * steps);
      average = createWeightAverage(variables, Math.max(0, 1 - 1 / Math.max(1, averagedPart * steps)));
    },

    async step(index) {
      const { loss, grads, pictures } = await stepGradients(ofStep, draw(index), adversary, index >= opposedFrom);
      const factor = schedule(index);
      optimizer.setLearningRate("rectifier", rectifierRate * factor);
      optimizer.setLearningRate("decoder", picture.decoderRate * factor);
      tf.tidy(() => {
        const scales: Record<string, Scalar> = {};
        for (const [name, group] of Object.entries(groups)) {
          const own = Object.fromEntries(group.map((variable) => [variable.name, grads[variable.name]!]));
          if (group.length > 0) scales[name] = clipScale(own, clipNorm).scale;
        }
        optimizer.apply(grads, scales);
        average!.update(index + 1);
        if (pictures) adversary!.learn(pictures.targets, pictures.made);
      });
      const [value] = await loss.data();
      tf.dispose([loss, grads, { ...pictures }]);
      return value!;
    },

    during: (work) => average!.during(work),

    async state() {
      return {
        ...withPrefix("optimizer", await toNamedArrays(optimizer.state())),
        ...withPrefix("average", await toNamedArrays(average!.state())),
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("decoder", await toNamedArrays(adapter?.state() ?? {})),
        ...(await adversary?.state()),
      };
    },

    restore(arrays) {
      lendTensors(arrays, "rectifier", (state) => rectifier.restore(state));
      if (adapter) lendTensors(arrays, "decoder", (state) => adapter.restore(state));
      lendTensors(arrays, "optimizer", (state) => optimizer.restore(state));
      lendTensors(arrays, "average", (state) => average!.restore(state));
      adversary?.restore(arrays);
    },

    dispose() {
      optimizer.dispose();
      average?.dispose();
      adversary?.dispose();
    },
  };
}
