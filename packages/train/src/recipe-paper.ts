/**
 * Recipe `paper`: the authors' procedure (arXiv 2507.10547, section 3 and their code; `docs/method.md`). Codebooks start from random
 * training latents; every step moves codebooks and rectifier by AdamW, each with its own rate, clipping and loss; after every epoch
 * the rate decays and unused codes are replaced. The rectifier's loss does not reach the codebooks unless `jointLoss` is set.
 */
import { isTrainable, RevqError, toNamedArrays, withPrefix, type TrainableQuantizer } from "@revq/core";
import { CodeCounter } from "@revq/metrics";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Variable } from "@tensorflow/tfjs-core";
import { meanSquaredError, measureLatentError, measuringBatch, quantizeAll, readLatents } from "./latent-error.js";
import { createAdamW } from "./optimizer/adamw.js";
import { clipByGlobalNorm } from "./optimizer/clip.js";
import { exponentialDecay } from "./optimizer/schedule.js";
import {
  dueInEpoch,
  epochBatches,
  measuredRows,
  requireFinite,
  stopwatch,
  type RecipeInput,
  type RecipeResult,
} from "./recipe.js";
import type { EpochRecord } from "./records.js";
import { lendTensors } from "./tensor-state.js";

export async function trainPaper(input: RecipeInput): Promise<RecipeResult> {
  const { rectifier, train, val, settings, context, resumed } = input;
  const { random, signal, report } = context;
  const quantizer = requireTrainable(input);
  const clock = stopwatch();
  const spent = resumed?.seconds.trainRectifier ?? 0;

  const codebookRate = exponentialDecay(settings.learningRate, settings.epochs, settings.finalRate);
  const rectifierRate = exponentialDecay(
    settings.learningRate * settings.rectifierRate,
    settings.epochs,
    settings.finalRate,
  );
  const optimizer = createAdamW([
    { name: "quantizer", variables: quantizer.variables, learningRate: codebookRate(0), weightDecay: 0 },
    {
      name: "rectifier",
      variables: rectifier.variables,
      learningRate: rectifierRate(0),
      weightDecay: settings.weightDecay,
    },
  ]);
  const hits = new CodeCounter(quantizer.tokens);
  const epochs: EpochRecord[] = [...(resumed?.epochs ?? [])];
  if (resumed) {
    lendTensors(resumed.arrays, "quantizer", (state) => quantizer.restore(state));
    lendTensors(resumed.arrays, "rectifier", (state) => rectifier.restore(state));
    lendTensors(resumed.arrays, "optimizer", (state) => optimizer.restore(state));
    hits.counts.set((resumed.arrays["counts"]?.data as Int32Array | undefined) ?? []);
  } else {
    await quantizer.initialize(train, random.fork("codebooks"));
  }

  const rows = measuredRows(random, train.count, settings.measureSamples);
  const measureBatch = measuringBatch(train, 64);
  const stepsPerEpoch = epochBatches(random, 1, train.count, settings.batch).length;
  const save = async (step: number, stepsIntoEpoch: number): Promise<void> =>
    input.save(step, {
      passes: [],
      epochs,
      stepsIntoEpoch,
      bestRectified: null,
      seconds: { fitCodebooks: 0, trainRectifier: spent + clock() },
      arrays: {
        ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("optimizer", await toNamedArrays(optimizer.state())),
        counts: { shape: [hits.counts.length], data: Int32Array.from(hits.counts) },
      },
    });

  try {
    let firstStep = resumed?.stepsIntoEpoch ?? 0;
    for (let epoch = epochs.length + 1; epoch <= settings.epochs; epoch++) {
      optimizer.setLearningRate("quantizer", codebookRate(epoch - 1));
      optimizer.setLearningRate("rectifier", rectifierRate(epoch - 1));
      const batches = epochBatches(random, epoch, train.count, settings.batch);
      for (let step = firstStep; step < batches.length; step++) {
        const total = (epoch - 1) * stepsPerEpoch + step;
        if (signal.aborted) {
          await save(total, step);
          signal.throwIfAborted();
        }
        const loss = await trainStep(batches[step]!);
        requireFinite(loss.quantizer, "codebooks' loss", epoch, step);
        requireFinite(loss.rectifier, "rectifier's loss", epoch, step);
        const detail = `epoch ${epoch}, mse ${loss.quantizer.toFixed(4)} quantized, ${loss.rectifier.toFixed(4)} rectified`;
        report({ phase: "train", done: total + 1, total: settings.epochs * stepsPerEpoch, detail });
        if (dueInEpoch(step, batches.length, settings)) await save(total + 1, step + 1);
      }
      firstStep = 0;
      const { usage } = hits;
      await quantizer.endOfEpoch(hits.counts, random.fork(`reset ${epoch}`));
      hits.reset();
      const measured = { quantizer, rectifier, batch: measureBatch };
      const record: EpochRecord = {
        epoch,
        latentMse: {
          train: await measureLatentError({ ...measured, source: train, rows }),
          val: await measureLatentError({ ...measured, source: val }),
        },
        usage,
      };
      epochs.push(record);
      await input.onEpoch(record);
      await save(epoch * stepsPerEpoch, 0);
    }
  } finally {
    optimizer.dispose();
  }

  const codesInUse = new CodeCounter(quantizer.tokens);
  for await (const { codes } of quantizeAll(quantizer, train, measureBatch)) codesInUse.add(codes);
  return {
    passes: [],
    epochs,
    codesInUse,
    rectifierHelps: true,
    seconds: { fitCodebooks: 0, trainRectifier: spent + clock() },
  };

  async function trainStep(batch: Int32Array): Promise<{ quantizer: number; rectifier: number }> {
    const latents = await readLatents(train, batch);
    const codes = await quantizer.quantize(latents);
    hits.add((await codes.data()) as Int32Array);
    const [quantizerLoss, rectifierLoss] = tf.tidy(() => {
      const quantizerPart = gradients(quantizer.variables, () =>
        meanSquaredError(quantizer.dequantize(codes), latents),
      );
      const quantized = settings.jointLoss ? undefined : quantizer.dequantize(codes);
      const joint = [...rectifier.variables, ...(settings.jointLoss ? quantizer.variables : [])];
      const rectifierPart = gradients(joint, () =>
        meanSquaredError(rectifier.rectify(quantized ?? quantizer.dequantize(codes)), latents),
      );
      const ofQuantizer = addShared(quantizerPart.grads, rectifierPart.grads, quantizer.variables);
      const ofRectifier = Object.fromEntries(rectifier.variables.map(({ name }) => [name, rectifierPart.grads[name]!]));
      optimizer.apply({
        ...clipByGlobalNorm(ofQuantizer, settings.clipNorm).gradients,
        ...(rectifier.variables.length ? clipByGlobalNorm(ofRectifier, settings.clipNorm).gradients : {}),
      });
      return [quantizerPart.value, rectifierPart.value];
    }) as [Scalar, Scalar];
    const losses = {
      quantizer: (await quantizerLoss.data())[0]!,
      rectifier: (await rectifierLoss.data())[0]!,
    };
    tf.dispose([latents, codes, quantizerLoss, rectifierLoss]);
    return losses;
  }
}

/** Loss and gradients; only the loss when there is nothing to train. */
function gradients(variables: readonly Variable[], loss: () => Scalar): { value: Scalar; grads: NamedTensorMap } {
  return variables.length ? tf.variableGrads(loss, [...variables]) : { value: loss(), grads: {} };
}

/** The first gradients, plus the second where both have one (joint loss). */
function addShared(first: NamedTensorMap, second: NamedTensorMap, variables: readonly Variable[]): NamedTensorMap {
  return Object.fromEntries(
    variables.map(({ name }) => [name, second[name] ? tf.add(first[name]!, second[name]) : first[name]!]),
  );
}

function requireTrainable({ quantizer }: RecipeInput): TrainableQuantizer {
  if (isTrainable(quantizer)) return quantizer;
  throw new RevqError(
    "quantizer-not-trainable",
    "Recipe paper trains the codebooks by gradient, which this quantizer does not offer.",
    {
      fix: "Use --recipe fit, or another quantizer.",
    },
  );
}
