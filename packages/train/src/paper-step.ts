/**
 * One training step of recipe `paper`, in the parts that it is made of: search, the rectifier's gradients, the two optimizers.
 * Codebooks are trained on the host where the quantizer offers that, else as variables; the numbers are the same up to rounding.
 */
import {
  toNamedArrays,
  underPrefix,
  withPrefix,
  type CodebookTrainer,
  type Disposable,
  type NamedArrays,
  type Rectifier,
  type TrainableQuantizer,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { RunConfig } from "./config/schema.js";
import { meanSquaredError } from "./latent-error.js";
import { createAdamW } from "./optimizer/adamw.js";
import { clipScale } from "./optimizer/clip.js";
import { lendTensors } from "./tensor-state.js";

/** A batch that has been looked up. Its tensors are the caller's: dispose `codes`, `quantized` and `gradients` when done. */
export interface SearchedBatch {
  readonly latents: Tensor4D;
  /** `[n, t]` int32, and the same on the host. */
  readonly codes: Tensor2D;
  readonly ids: Int32Array;
  readonly quantized: Tensor4D;
  /** Mean squared error per element. */
  readonly loss: number;
  /** Of that loss: with respect to `quantized` on the host, or to the quantizer's variables. */
  readonly gradient: Float32Array | NamedTensorMap;
}

/** The rectifier's loss and its gradients by variable; with a joint loss also those of the codebooks. The caller disposes them. */
export interface RectifierGradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
}

export interface PaperStep extends Disposable {
  setLearningRates(codebooks: number, rectifier: number): void;
  search(latents: Tensor4D): Promise<SearchedBatch>;
  rectifierGradients(batch: SearchedBatch): RectifierGradients;
  /** Clips both groups by their norms, each for itself, and moves them. */
  apply(batch: SearchedBatch, rectifier: RectifierGradients): Promise<void>;
  /** All three in turn. `requireFinite` sees the codebooks' loss before anything moves, the rectifier's after. */
  run(
    latents: Tensor4D,
    requireFinite?: (loss: number, what: "quantizer" | "rectifier") => void,
  ): Promise<{ ids: Int32Array; quantizer: number; rectifier: number }>;
  /** `step`, `quantizer.*`, `rectifier.*`: the same names whichever way the codebooks are trained. */
  state(): Promise<NamedArrays>;
  restore(arrays: NamedArrays): void;
}

type Settings = Pick<RunConfig["train"], "learningRate" | "rectifierRate" | "weightDecay" | "clipNorm" | "jointLoss">;

/** Name under which the gradient with respect to the looked-up latents travels with the rectifier's, with a joint loss. */
const lookedUp = "quantized latents";

export function createPaperStep(
  quantizer: TrainableQuantizer,
  rectifier: Rectifier,
  { learningRate, rectifierRate, weightDecay, clipNorm, jointLoss }: Settings,
): PaperStep {
  const trainer = quantizer.createTrainer?.() ?? null;
  const optimizer = createAdamW([
    { name: "quantizer", variables: trainer ? [] : quantizer.variables, learningRate, weightDecay: 0 },
    { name: "rectifier", variables: rectifier.variables, learningRate: learningRate * rectifierRate, weightDecay },
  ]);

  const self: PaperStep = {
    setLearningRates(codebooks, ofRectifier) {
      optimizer.setLearningRate("quantizer", codebooks);
      optimizer.setLearningRate("rectifier", ofRectifier);
    },

    async search(latents) {
      const codes = await quantizer.quantize(latents);
      const ids = (await codes.data()) as Int32Array;
      if (trainer) return { latents, codes, ids, ...(await lookUp(trainer, latents, ids)) };
      const quantized = quantizer.dequantize(codes);
      const { value, grads } = gradientsOf(quantizer.variables, () =>
        meanSquaredError(quantizer.dequantize(codes), latents),
      );
      const loss = (await value.data())[0]!;
      value.dispose();
      return { latents, codes, ids, quantized, loss, gradient: grads };
    },

    rectifierGradients({ latents, codes, quantized }) {
      if (!jointLoss) {
        return gradientsOf(rectifier.variables, () => meanSquaredError(rectifier.rectify(quantized), latents));
      }
      if (!trainer) {
        return gradientsOf([...rectifier.variables, ...quantizer.variables], () =>
          meanSquaredError(rectifier.rectify(quantizer.dequantize(codes)), latents),
        );
      }
      // A variable, so that one pass gives both its gradient and the rectifier's.
      const input = tf.variable(quantized);
      const { value, grads } = gradientsOf([...rectifier.variables, input], () =>
        meanSquaredError(rectifier.rectify(input as unknown as Tensor4D), latents),
      );
      const { [input.name]: gradient, ...others } = grads;
      input.dispose();
      return { value, grads: { ...others, [lookedUp]: gradient! } };
    },

    async apply({ ids, gradient }, { grads }) {
      if (trainer) {
        const joint = grads[lookedUp];
        const total = gradient as Float32Array;
        if (joint) (await joint.data()).forEach((value, i) => (total[i]! += value));
        trainer.step(ids, total, {
          learningRate: optimizer.learningRate("quantizer"),
          clipNorm,
          step: optimizer.step + 1,
        });
      }
      tf.tidy(() => {
        const ofQuantizer = trainer ? {} : addShared(gradient as NamedTensorMap, grads, quantizer.variables);
        const ofRectifier = Object.fromEntries(rectifier.variables.map(({ name }) => [name, grads[name]!]));
        const scales: Record<string, Scalar> = {};
        for (const [name, some] of Object.entries({ quantizer: ofQuantizer, rectifier: ofRectifier })) {
          if (Object.keys(some).length > 0) scales[name] = clipScale(some, clipNorm).scale;
        }
        optimizer.apply({ ...ofQuantizer, ...ofRectifier }, scales);
      });
    },

    async run(latents, requireFinite = () => {}) {
      const batch = await self.search(latents);
      requireFinite(batch.loss, "quantizer");
      const ofRectifier = self.rectifierGradients(batch);
      await self.apply(batch, ofRectifier);
      tf.dispose([batch.codes, batch.quantized, ofRectifier.grads]);
      if (!(batch.gradient instanceof Float32Array)) tf.dispose(batch.gradient);
      const rectifierLoss = (await ofRectifier.value.data())[0]!;
      ofRectifier.value.dispose();
      requireFinite(rectifierLoss, "rectifier");
      return { ids: batch.ids, quantizer: batch.loss, rectifier: rectifierLoss };
    },

    async state() {
      const moments = trainer ? withPrefix("quantizer", trainer.state()) : {};
      return { ...(await toNamedArrays(optimizer.state())), ...moments };
    },

    restore(arrays) {
      const ofTensors = Object.entries(arrays).filter(([name]) => !trainer || !name.startsWith("quantizer."));
      lendTensors(withPrefix("optimizer", Object.fromEntries(ofTensors)), "optimizer", (state) =>
        optimizer.restore(state),
      );
      trainer?.restore(underPrefix("quantizer", arrays));
    },

    dispose() {
      optimizer.dispose();
      trainer?.dispose();
    },
  };
  return self;
}

/** The loss of the codebooks and its gradient with respect to what was looked up, on the host; sums in float64. */
async function lookUp(
  trainer: CodebookTrainer,
  latents: Tensor4D,
  ids: Int32Array,
): Promise<Pick<SearchedBatch, "quantized" | "loss" | "gradient">> {
  const values = await latents.data();
  const quantized = trainer.lookUp(ids);
  const gradient = new Float32Array(quantized.length);
  let squares = 0;
  for (let i = 0; i < quantized.length; i++) {
    const error = quantized[i]! - values[i]!;
    squares += error * error;
    gradient[i] = (2 * error) / quantized.length;
  }
  return { quantized: tf.tensor4d(quantized, latents.shape), loss: squares / quantized.length, gradient };
}

/** Loss and gradients; only the loss when there is nothing to train. */
function gradientsOf(variables: readonly Variable[], loss: () => Scalar): RectifierGradients {
  return variables.length ? tf.variableGrads(loss, [...variables]) : { value: tf.tidy(loss), grads: {} };
}

/** The first gradients, plus the second where both have one (joint loss). */
function addShared(first: NamedTensorMap, second: NamedTensorMap, variables: readonly Variable[]): NamedTensorMap {
  return Object.fromEntries(
    variables.map(({ name }) => [name, second[name] ? tf.add(first[name]!, second[name]) : first[name]!]),
  );
}
