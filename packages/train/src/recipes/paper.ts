/**
 * Recipe `paper`: the authors' procedure (arXiv 2507.10547, section 3 and their code;
 * `docs/method.md`). Codebooks start from random training latents. Every step moves codebooks and
 * rectifier by AdamW, each with its own rate, clipping and loss. The codebooks' loss is the error of
 * coefficients, as in k-means; the rectifier's is that of standardized latents. It does not reach
 * the codebooks unless `jointLoss` is set. After every epoch the rates decay and unused codes are
 * replaced.
 */
import { RevqError, toNamedArrays, underPrefix, withPrefix, type Quantizer, type QuantizerGradients } from "@revq/core";
import { CodeCounter } from "@revq/metrics";
import {
  disposeBatch,
  distinctLatents,
  measuringBatch,
  quantizeAll,
  readBatch,
  selectRows,
} from "../evaluation/latent-batches.js";
import { exponentialDecay } from "../optimizer/schedule.js";
import { lendTensors } from "../run/tensor-state.js";
import { createPaperStep } from "./paper-step.js";
import { TrainingIds } from "./training-ids.js";
import { requireFinite, type Recipe, type RecipeInput } from "./recipe.js";

export function createPaperRecipe({ codec, train, grid, settings, context }: RecipeInput): Recipe {
  const { quantizer, rectifier } = codec;
  const { random } = context;
  const gradients = requireGradients(quantizer);
  const { learningRate, rectifierRate, epochs, finalRate } = settings;
  const codebookSchedule = exponentialDecay(learningRate, epochs, finalRate);
  const rectifierSchedule = exponentialDecay(learningRate * rectifierRate, epochs, finalRate);
  const step = createPaperStep(codec, settings);
  /** Hits of the codes in this epoch. */
  const hits = new CodeCounter(quantizer.layout);

  return {
    phase: "train",
    epochs,

    async prepare() {
      await gradients.initialize(train.coefficients, random.fork("codebooks"));
      return [];
    },

    restore(arrays) {
      lendTensors(arrays, "quantizer", (state) => quantizer.restore(state));
      lendTensors(arrays, "rectifier", (state) => rectifier.restore(state));
      step.restore(underPrefix("optimizer", arrays));
      hits.counts.set((arrays["counts"]?.data as Int32Array | undefined) ?? []);
    },

    async step(rows, position) {
      step.setLearningRates(codebookSchedule(position.epoch - 1), rectifierSchedule(position.epoch - 1));
      const batch = await readBatch(train, rows);
      const loss = await step.run(batch, (value, what) => requireFinite(value, what, position));
      disposeBatch(batch);
      hits.add(loss.ids);
      return `mse ${loss.codebooks.toFixed(4)} quantized, ${loss.rectifier.toFixed(4)} rectified`;
    },

    async endOfEpoch(epoch, measure) {
      const { usage } = hits;
      await gradients.replaceUnusedCodes(hits.counts, random.fork(`reset ${epoch}`));
      hits.reset();
      return { epoch, latentMse: await measure(), usage };
    },

    async state() {
      return {
        ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("optimizer", await step.state()),
        counts: { shape: [hits.counts.length], data: Int32Array.from(hits.counts) },
      };
    },

    async finish() {
      const trainingIds = new TrainingIds(quantizer.layout, grid, distinctLatents(train));
      const rows = Int32Array.from({ length: distinctLatents(train) }, (_, row) => row);
      const coefficients = selectRows(train.coefficients, rows);
      for await (const { ids } of quantizeAll(quantizer, coefficients, measuringBatch(coefficients)))
        trainingIds.add(ids);
      return { idCounts: trainingIds.counts, prior: trainingIds.prior, rectifierHelps: true };
    },

    async dispose() {
      step.dispose();
    },
  };
}

function requireGradients({ gradients }: Quantizer): QuantizerGradients {
  if (gradients) return gradients;
  throw new RevqError(
    "quantizer-not-trainable",
    "Recipe paper trains the codebooks by gradient. This quantizer has no gradients.",
    { fix: "Use the recipe kmeans, or another quantizer.", setting: { path: "recipe", value: "kmeans" } },
  );
}
