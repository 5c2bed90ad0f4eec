/**
 * One training step of recipe `paper` in its parts: search, the rectifier's gradients, the two
 * optimizers. Codebooks are trained on the host where the quantizer offers that, else as variables;
 * the numbers are the same up to rounding.
 */
import {
  toNamedArrays,
  underPrefix,
  withPrefix,
  type Disposable,
  type HostCodebooks,
  type NamedArrays,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.js";
import type { LatentBatch } from "../evaluation/latent-batches.js";
import { meanSquaredError, type LatentCodec } from "../evaluation/latent-error.js";
import { createAdamW } from "../optimizer/adamw.js";
import { clipScale } from "../optimizer/clip.js";
import { HostAdamW } from "../optimizer/host-adamw.js";
import { lendTensors } from "../run/tensor-state.js";

/**
 * A batch with its ids. Its tensors are the caller's: dispose `ids`, `quantized` and `gradient`
 * when done.
 */
export interface SearchedBatch {
  readonly latents: LatentBatch;
  /** `[n, t]` int32. */
  readonly ids: Tensor2D;
  /** The same on the host, flat. */
  readonly hostIds: Int32Array;
  /** Coefficients of the codes, `[n, h, w, c]`. */
  readonly quantized: Tensor4D;
  /** Mean squared error per coefficient. */
  readonly loss: number;
  /** Of that loss: with respect to `quantized` on the host, or to the quantizer's variables. */
  readonly gradient: Float32Array | NamedTensorMap;
}

/**
 * The rectifier's loss and its gradients by variable; with a joint loss also those of the
 * codebooks. The caller disposes them.
 */
export interface RectifierGradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
}

export interface PaperStep extends Disposable {
  setLearningRates(codebooks: number, rectifier: number): void;
  search(latents: LatentBatch): Promise<SearchedBatch>;
  rectifierGradients(batch: SearchedBatch): RectifierGradients;
  /**
   * Clips the gradients of codebooks and rectifier by their norms, each for itself, and moves both.
   */
  apply(batch: SearchedBatch, rectifier: RectifierGradients): Promise<void>;
  /**
   * All three in turn. `requireFinite` gets the codebooks' loss before anything moves, the
   * rectifier's after.
   */
  run(
    latents: LatentBatch,
    requireFinite?: (loss: number, what: string) => void,
  ): Promise<{ ids: Int32Array; codebooks: number; rectifier: number }>;
  /**
   * `step`, `quantizer.*`, `rectifier.*`: the same names whichever way the codebooks are trained.
   */
  state(): Promise<NamedArrays>;
  restore(arrays: NamedArrays): void;
}

type Settings = Pick<RunConfig["train"], "learningRate" | "rectifierRate" | "weightDecay" | "clipNorm" | "jointLoss">;

/**
 * Name of the gradient with respect to the quantized coefficients among the rectifier's, with a
 * joint loss.
 */
const ofQuantized = "quantized coefficients";

/** @param codec its quantizer has `gradients` */
export function createPaperStep(
  { space, quantizer, rectifier }: LatentCodec,
  { learningRate, rectifierRate, weightDecay, clipNorm, jointLoss }: Settings,
): PaperStep {
  const { variables, hostCodebooks } = quantizer.gradients!;
  const host = hostCodebooks ? new HostAdamW(hostCodebooks, variables[0]!.shape) : null;
  const optimizer = createAdamW([
    { name: "quantizer", variables: host ? [] : variables, learningRate, weightDecay: 0 },
    { name: "rectifier", variables: rectifier.variables, learningRate: learningRate * rectifierRate, weightDecay },
  ]);

  const rectifierLoss = (quantized: Tensor4D, { standardized }: LatentBatch): Scalar =>
    meanSquaredError(rectifier.rectify(space.inverse(quantized)), standardized);

  const self: PaperStep = {
    setLearningRates(codebooks, ofRectifier) {
      optimizer.setLearningRate("quantizer", codebooks);
      optimizer.setLearningRate("rectifier", ofRectifier);
    },

    async search(latents) {
      const { coefficients } = latents;
      const ids = await quantizer.quantize(coefficients);
      const hostIds = (await ids.data()) as Int32Array;
      if (hostCodebooks) return { latents, ids, hostIds, ...(await lookUp(hostCodebooks, coefficients, hostIds)) };
      const quantized = quantizer.dequantize(ids);
      const { value, grads } = gradientsOf(variables, () => meanSquaredError(quantizer.dequantize(ids), coefficients));
      const loss = (await value.data())[0]!;
      value.dispose();
      return { latents, ids, hostIds, quantized, loss, gradient: grads };
    },

    rectifierGradients({ latents, ids, quantized }) {
      if (!jointLoss) return gradientsOf(rectifier.variables, () => rectifierLoss(quantized, latents));
      if (!host) {
        const all = [...rectifier.variables, ...variables];
        return gradientsOf(all, () => rectifierLoss(quantizer.dequantize(ids), latents));
      }
      // A variable, so that one pass gives both its gradient and the rectifier's.
      const input = tf.variable(quantized);
      const { value, grads } = gradientsOf([...rectifier.variables, input], () =>
        rectifierLoss(input as unknown as Tensor4D, latents),
      );
      const { [input.name]: gradient, ...others } = grads;
      input.dispose();
      return { value, grads: { ...others, [ofQuantized]: gradient! } };
    },

    async apply({ hostIds, gradient }, { grads }) {
      if (host) {
        const joint = grads[ofQuantized];
        const total = gradient as Float32Array;
        if (joint) (await joint.data()).forEach((value, i) => (total[i]! += value));
        const rate = optimizer.learningRate("quantizer");
        host.step(hostIds, total, { learningRate: rate, clipNorm, step: optimizer.step + 1 });
      }
      tf.tidy(() => {
        const ofQuantizer = host ? {} : addShared(gradient as NamedTensorMap, grads, variables);
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
      requireFinite(batch.loss, "codebooks' loss");
      const ofRectifier = self.rectifierGradients(batch);
      await self.apply(batch, ofRectifier);
      tf.dispose([batch.ids, batch.quantized, ofRectifier.grads]);
      if (!(batch.gradient instanceof Float32Array)) tf.dispose(batch.gradient);
      const loss = (await ofRectifier.value.data())[0]!;
      ofRectifier.value.dispose();
      requireFinite(loss, "rectifier's loss");
      return { ids: batch.hostIds, codebooks: batch.loss, rectifier: loss };
    },

    async state() {
      const moments = host ? withPrefix("quantizer", host.state()) : {};
      return { ...(await toNamedArrays(optimizer.state())), ...moments };
    },

    restore(arrays) {
      const ofTensors = Object.entries(arrays).filter(([name]) => !host || !name.startsWith("quantizer."));
      lendTensors(withPrefix("optimizer", Object.fromEntries(ofTensors)), "optimizer", (state) =>
        optimizer.restore(state),
      );
      host?.restore(underPrefix("quantizer", arrays));
    },

    dispose() {
      optimizer.dispose();
    },
  };
  return self;
}

/**
 * The codebooks' loss and its gradient with respect to the looked-up coefficients, on the host;
 * sums in float64.
 */
async function lookUp(
  codebooks: HostCodebooks,
  coefficients: Tensor4D,
  ids: Int32Array,
): Promise<Pick<SearchedBatch, "quantized" | "loss" | "gradient">> {
  const values = await coefficients.data();
  const quantized = codebooks.lookUp(ids);
  const gradient = new Float32Array(quantized.length);
  let squares = 0;
  for (let i = 0; i < quantized.length; i++) {
    const error = quantized[i]! - values[i]!;
    squares += error * error;
    gradient[i] = (2 * error) / quantized.length;
  }
  return { quantized: tf.tensor4d(quantized, coefficients.shape), loss: squares / quantized.length, gradient };
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
