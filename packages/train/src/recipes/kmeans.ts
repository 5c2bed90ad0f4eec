/**
 * Recipe `kmeans`: first the codebooks (k-means, or the quantizer's own `fit`), then the rectifier
 * on the fixed pairs (quantized latent, latent). The encoder is frozen, so the codebooks do not
 * depend on the rectifier. The moving average of the rectifier's weights is measured and kept: the
 * average with the best held-out error. If no average improves on the unrectified error, the
 * identity is kept.
 */
import { toNamedArrays, withPrefix, type NamedArray } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar } from "@tensorflow/tfjs-core";
import {
  distinctLatents,
  measuringBatch,
  quantizeAll,
  readLatents,
  type LatentSet,
} from "../evaluation/latent-batches.js";
import { dequantizeIds, meanSquaredError } from "../evaluation/latent-error.js";
import { createAdamW } from "../optimizer/adamw.js";
import { createWeightAverage } from "../optimizer/average.js";
import { clipScale } from "../optimizer/clip.js";
import { cosineDecay, warmUp } from "../optimizer/schedule.js";
import type { EpochRecord } from "../run/records.js";
import { lendTensors } from "../run/tensor-state.js";
import { IdTable } from "./id-table.js";
import { TrainingIds } from "./training-ids.js";
import { requireFinite, stepsPerEpoch, type Recipe, type RecipeInput } from "./recipe.js";

/** The average remembers about 500 steps: an epoch of 8,000 latents. */
const averageDecay = 0.998;
/**
 * AdamW's first steps are long whatever their gradient. Without a warm-up, a rectifier would jump
 * off the identity.
 */
const warmUpSteps = 200;

export function createKmeansRecipe(input: RecipeInput): Recipe {
  const { codec, train, val, settings, context } = input;
  const { quantizer, rectifier } = codec;
  const totalSteps = settings.epochs * stepsPerEpoch(distinctLatents(train), settings.batch);
  const schedule = warmUp(
    cosineDecay(settings.learningRate * settings.rectifierRate, totalSteps, settings.finalRate),
    Math.min(warmUpSteps, totalSteps / 10),
  );
  const optimizer = createAdamW([
    { name: "rectifier", variables: rectifier.variables, learningRate: schedule(0), weightDecay: settings.weightDecay },
  ]);
  const average = createWeightAverage(rectifier.variables, averageDecay);
  const trainingIds = new TrainingIds(quantizer.layout, input.grid, distinctLatents(train));
  let ids: { readonly train: IdTable; readonly val: IdTable } | null = null;
  /** The codebooks do not change any more: downloaded once. */
  let codebooks: Record<string, NamedArray> = {};
  /**
   * Best held-out error with the rectifier; null while no epoch has improved on the unrectified
   * error.
   */
  let best: number | null = null;
  let bestWeights: Record<string, NamedArray> = {};

  /** How many ids of a batch are no views'. @param done rows with this batch, of `length` ids */
  function ofDistinct(done: number, length: number): number {
    const { count } = quantizer.layout;
    return Math.max(0, Math.min(length, length - (done - distinctLatents(train)) * count));
  }

  /** Looks up the ids of all latents once: they do not change any more. */
  async function lookUp({ coefficients }: LatentSet, name: string): Promise<IdTable> {
    const table = await IdTable.create(coefficients.count, quantizer.layout.count, input.idTable(name));
    for await (const { ids, done } of quantizeAll(quantizer, coefficients, measuringBatch(coefficients))) {
      context.signal.throwIfAborted();
      await table.append(ids);
      if (coefficients === train.coefficients) trainingIds.add(ids.subarray(0, ofDistinct(done, ids.length)));
      context.report({ phase: `look up codes (${name})`, done, total: coefficients.count });
    }
    return table;
  }

  return {
    phase: "train rectifier",
    epochs: rectifier.variables.length > 0 ? settings.epochs : 0,

    async prepare() {
      const fit = { ...context, random: context.random.fork("codebooks"), checkpoints: input.fitCheckpoints };
      const { passes } = await quantizer.fit(train.coefficients, fit);
      return passes.map(({ mse, usage }, i) => ({ pass: i + 1, mse, usage }));
    },

    restore(arrays, epochs) {
      lendTensors(arrays, "quantizer", (state) => quantizer.restore(state));
      lendTensors(arrays, "rectifier", (state) => rectifier.restore(state));
      lendTensors(arrays, "optimizer", (state) => optimizer.restore(state));
      lendTensors(arrays, "average", (state) => average.restore(state));
      best = epochs.reduce<number | null>(
        (best, epoch) => (improves(epoch, best) ? rectifiedError(epoch) : best),
        null,
      );
      bestWeights = Object.fromEntries(Object.entries(arrays).filter(([name]) => name.startsWith("best.")));
    },

    async beforeSteps() {
      codebooks = withPrefix("quantizer", await toNamedArrays(quantizer.state()));
      ids = { train: await lookUp(train, "train"), val: await lookUp(val, "val") };
    },

    async step(rows, position) {
      const latents = await readLatents(train.standardized, rows);
      const batchIds = await ids!.train.tensor(rows);
      optimizer.setLearningRate("rectifier", schedule(position.step));
      const loss = tf.tidy(() => {
        const quantized = dequantizeIds(codec, batchIds);
        const { value, grads } = tf.variableGrads(
          () => meanSquaredError(rectifier.rectify(quantized), latents),
          [...rectifier.variables],
        );
        optimizer.apply(grads, { rectifier: clipScale(grads, settings.clipNorm).scale });
        average.update(position.step + 1);
        return value;
      }) as Scalar;
      const value = (await loss.data())[0]!;
      tf.dispose([latents, batchIds, loss]);
      requireFinite(value, "rectifier's loss", position);
      return `mse ${value.toFixed(4)}`;
    },

    async endOfEpoch(epoch, measure) {
      return average.during(async () => {
        const record: EpochRecord = { epoch, latentMse: await measure(ids!), usage: trainingIds.counts.usage };
        if (improves(record, best)) {
          best = rectifiedError(record);
          bestWeights = withPrefix("best", await toNamedArrays(rectifier.state()));
        }
        return record;
      });
    },

    async state() {
      return {
        ...codebooks,
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("optimizer", await toNamedArrays(optimizer.state())),
        ...withPrefix("average", await toNamedArrays(average.state())),
        ...bestWeights,
      };
    },

    async finish() {
      if (best !== null) lendTensors(bestWeights, "best", (state) => rectifier.restore(state));
      return { idCounts: trainingIds.counts, prior: trainingIds.prior, rectifierHelps: best !== null };
    },

    async dispose() {
      optimizer.dispose();
      average.dispose();
      await ids?.train.close();
      await ids?.val.close();
    },
  };
}

function rectifiedError({ latentMse }: EpochRecord): number {
  return latentMse.val.rectified;
}

/** @param best null while no epoch has improved on the unrectified error */
function improves({ latentMse: { val } }: EpochRecord, best: number | null): boolean {
  return val.rectified < (best ?? val.quantized);
}
