/**
 * Recipe `paper`: the authors' procedure (arXiv 2507.10547, section 3 and their code; `docs/method.md`). Codebooks start from random
 * training latents; every step moves codebooks and rectifier by AdamW, each with its own rate, clipping and loss; after every epoch
 * the rate decays and unused codes are replaced. The rectifier's loss does not reach the codebooks unless `jointLoss` is set.
 */
import { isTrainable, RevqError, toNamedArrays, underPrefix, withPrefix, type TrainableQuantizer } from "@revq/core";
import { CodeCounter } from "@revq/metrics";
import { measureLatentError, measuringBatch, quantizeAll, readLatents } from "./latent-error.js";
import { exponentialDecay } from "./optimizer/schedule.js";
import { createPaperStep } from "./paper-step.js";
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
  const step = createPaperStep(quantizer, rectifier, settings);
  const hits = new CodeCounter(quantizer.tokens);
  const epochs: EpochRecord[] = [...(resumed?.epochs ?? [])];
  if (resumed) {
    lendTensors(resumed.arrays, "quantizer", (state) => quantizer.restore(state));
    lendTensors(resumed.arrays, "rectifier", (state) => rectifier.restore(state));
    step.restore(underPrefix("optimizer", resumed.arrays));
    hits.counts.set((resumed.arrays["counts"]?.data as Int32Array | undefined) ?? []);
  } else {
    await quantizer.initialize(train, random.fork("codebooks"));
  }

  const rows = measuredRows(random, train.count, settings.measureSamples);
  const measureBatch = measuringBatch(train);
  const stepsPerEpoch = epochBatches(random, 1, train.count, settings.batch).length;
  const save = async (number: number, stepsIntoEpoch: number): Promise<void> =>
    input.save(number, {
      passes: [],
      epochs,
      stepsIntoEpoch,
      bestRectified: null,
      seconds: { fitCodebooks: 0, trainRectifier: spent + clock() },
      arrays: {
        ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("optimizer", await step.state()),
        counts: { shape: [hits.counts.length], data: Int32Array.from(hits.counts) },
      },
    });

  try {
    let firstStep = resumed?.stepsIntoEpoch ?? 0;
    for (let epoch = epochs.length + 1; epoch <= settings.epochs; epoch++) {
      step.setLearningRates(codebookRate(epoch - 1), rectifierRate(epoch - 1));
      const batches = epochBatches(random, epoch, train.count, settings.batch);
      for (let done = firstStep; done < batches.length; done++) {
        const total = (epoch - 1) * stepsPerEpoch + done;
        if (signal.aborted) {
          await save(total, done);
          signal.throwIfAborted();
        }
        const latents = await readLatents(train, batches[done]!);
        const loss = await step.run(latents, (value, what) =>
          requireFinite(value, what === "quantizer" ? "codebooks' loss" : "rectifier's loss", epoch, done),
        );
        latents.dispose();
        hits.add(loss.ids);
        const detail = `epoch ${epoch}, mse ${loss.quantizer.toFixed(4)} quantized, ${loss.rectifier.toFixed(4)} rectified`;
        report({ phase: "train", done: total + 1, total: settings.epochs * stepsPerEpoch, detail });
        if (dueInEpoch(done, batches.length, settings)) await save(total + 1, done + 1);
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
    step.dispose();
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
