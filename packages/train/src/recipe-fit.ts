/**
 * Recipe `fit`: codebooks first (k-means, or whatever the quantizer's `fit` is), then the rectifier on the fixed pairs
 * (quantized latent, latent). The encoder is frozen, so the codebooks do not depend on the rectifier. What is measured and kept is
 * the moving average of the rectifier's weights: the average that is best on held-out latents; if none is better than no rectifier,
 * the identity.
 */
import { toNamedArrays, underPrefix, withPrefix, type LatentSource, type NamedArray } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar } from "@tensorflow/tfjs-core";
import { CodeCounter } from "@revq/metrics";
import { CodeTable } from "./code-table.js";
import {
  codesTensor,
  meanSquaredError,
  measureLatentError,
  measuringBatch,
  quantizeAll,
  readLatents,
} from "./latent-error.js";
import { createAdamW } from "./optimizer/adamw.js";
import { createWeightAverage } from "./optimizer/average.js";
import { clipScale } from "./optimizer/clip.js";
import { cosineDecay, warmUp } from "./optimizer/schedule.js";
import {
  dueInEpoch,
  epochBatches,
  measuredRows,
  requireFinite,
  stopwatch,
  type RecipeInput,
  type RecipeResult,
} from "./recipe.js";
import type { EpochRecord, PassRecord } from "./records.js";
import { lendTensors } from "./tensor-state.js";

/** The average remembers about 500 steps: an epoch of 8,000 latents. */
const averageDecay = 0.998;
/** AdamW's first steps are as long as any, whatever their gradient; a rectifier that starts at the identity would jump off it. */
const warmUpSteps = 200;

export async function trainFit(input: RecipeInput): Promise<RecipeResult> {
  const { quantizer, rectifier, train, val, settings, context, resumed } = input;
  const { random, signal, report } = context;

  // 1. Codebooks.
  const fitting = stopwatch();
  const passes: PassRecord[] = [...(resumed?.passes ?? [])];
  if (resumed) {
    lendTensors(resumed.arrays, "quantizer", (state) => quantizer.restore(state));
  } else {
    const fitted = await quantizer.fit(train, {
      ...context,
      random: random.fork("codebooks"),
      checkpoints: input.fitCheckpoints,
    });
    for (const [i, { mse, usage }] of fitted.passes.entries()) {
      passes.push({ pass: i + 1, mse, usage });
      await input.onPass(passes.at(-1)!);
    }
  }
  const quantizerArrays = withPrefix("quantizer", await toNamedArrays(quantizer.state()));
  const fitCodebooks = resumed?.seconds.fitCodebooks ?? fitting();

  // 2. Every latent's codes, once.
  const measureBatch = measuringBatch(train);
  const codesInUse = new CodeCounter(quantizer.tokens);
  const codesOf = async (source: LatentSource, name: string): Promise<CodeTable> => {
    const table = await CodeTable.create(source.count, quantizer.tokens.tokens, input.codeTable(name));
    for await (const { codes, done } of quantizeAll(quantizer, source, measureBatch)) {
      signal.throwIfAborted();
      await table.append(codes);
      if (source === train) codesInUse.add(codes);
      report({ phase: `look up codes (${name})`, done, total: source.count });
    }
    return table;
  };
  const trainCodes = await codesOf(train, "train");
  const valCodes = await codesOf(val, "val");

  // 3. The rectifier.
  const epochs: EpochRecord[] = [...(resumed?.epochs ?? [])];
  const lastEpoch = rectifier.variables.length > 0 ? settings.epochs : 0;
  const stepsPerEpoch = epochBatches(random, 1, train.count, settings.batch).length;
  const totalSteps = settings.epochs * stepsPerEpoch;
  const schedule = warmUp(
    cosineDecay(settings.learningRate * settings.rectifierRate, totalSteps, settings.finalRate),
    Math.min(warmUpSteps, totalSteps / 10),
  );
  const optimizer = createAdamW([
    { name: "rectifier", variables: rectifier.variables, learningRate: schedule(0), weightDecay: settings.weightDecay },
  ]);
  const average = createWeightAverage(rectifier.variables, averageDecay);
  let best = resumed?.bestRectified ?? null;
  let bestArrays: Record<string, NamedArray> = withPrefix("best", underPrefix("best", resumed?.arrays ?? {}));
  if (resumed) {
    lendTensors(resumed.arrays, "rectifier", (state) => rectifier.restore(state));
    lendTensors(resumed.arrays, "optimizer", (state) => optimizer.restore(state));
    lendTensors(resumed.arrays, "average", (state) => average.restore(state));
  }
  const training = stopwatch();
  const seconds = (): RecipeResult["seconds"] => ({
    fitCodebooks,
    trainRectifier: (resumed?.seconds.trainRectifier ?? 0) + training(),
  });
  const save = async (step: number, stepsIntoEpoch: number): Promise<void> =>
    input.save(step, {
      passes,
      epochs,
      stepsIntoEpoch,
      bestRectified: best,
      seconds: seconds(),
      arrays: {
        ...quantizerArrays,
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("optimizer", await toNamedArrays(optimizer.state())),
        ...withPrefix("average", await toNamedArrays(average.state())),
        ...bestArrays,
      },
    });

  /** @param steps so far, this one included */
  async function trainStep(batch: Int32Array, steps: number): Promise<number> {
    const latents = await readLatents(train, batch);
    const codes = await codesTensor(trainCodes, batch);
    const loss = tf.tidy(() => {
      const quantized = quantizer.dequantize(codes);
      const { value, grads } = tf.variableGrads(
        () => meanSquaredError(rectifier.rectify(quantized), latents),
        [...rectifier.variables],
      );
      optimizer.apply(grads, { rectifier: clipScale(grads, settings.clipNorm).scale });
      average.update(steps);
      return value;
    }) as Scalar;
    const value = (await loss.data())[0]!;
    tf.dispose([latents, codes, loss]);
    return value;
  }

  try {
    if (!resumed) await save(0, 0);
    const rows = measuredRows(random, train.count, settings.measureSamples);
    let firstStep = resumed?.stepsIntoEpoch ?? 0;
    for (let epoch = epochs.length + 1; epoch <= lastEpoch; epoch++) {
      const batches = epochBatches(random, epoch, train.count, settings.batch);
      for (let step = firstStep; step < batches.length; step++) {
        const done = (epoch - 1) * stepsPerEpoch + step;
        if (signal.aborted) {
          await save(done, step);
          signal.throwIfAborted();
        }
        optimizer.setLearningRate("rectifier", schedule(done));
        const loss = await trainStep(batches[step]!, done + 1);
        requireFinite(loss, "rectifier's loss", epoch, step);
        const detail = `epoch ${epoch}, mse ${loss.toFixed(4)}`;
        report({ phase: "train rectifier", done: done + 1, total: totalSteps, detail });
        if (dueInEpoch(step, batches.length, settings)) await save(done + 1, step + 1);
      }
      firstStep = 0;
      const measured = { quantizer, rectifier, batch: measureBatch };
      await average.during(async () => {
        const record: EpochRecord = {
          epoch,
          latentMse: {
            train: await measureLatentError({ ...measured, source: train, codes: trainCodes, rows }),
            val: await measureLatentError({ ...measured, source: val, codes: valCodes }),
          },
          usage: codesInUse.usage,
        };
        epochs.push(record);
        await input.onEpoch(record);
        const { rectified, quantized } = record.latentMse.val;
        if (rectified < (best ?? quantized)) {
          best = rectified;
          bestArrays = withPrefix("best", await toNamedArrays(rectifier.state()));
        }
      });
      await save(epoch * stepsPerEpoch, 0);
    }
  } finally {
    optimizer.dispose();
    await trainCodes.close();
    await valCodes.close();
  }
  if (best !== null) lendTensors(bestArrays, "best", (state) => rectifier.restore(state));
  return { passes, epochs, codesInUse, rectifierHelps: best !== null, seconds: seconds() };
}
