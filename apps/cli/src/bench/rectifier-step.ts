/** A training step of the rectifier alone, on ids that do not change, as in the recipe `kmeans`. */
import type { Transform } from "@revq/core";
import {
  clipScale,
  createAdamW,
  type LatentBatch,
  type LatentCodec,
  type PaperStep,
  type RectifierGradients,
  type RunConfig,
} from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core";

/** The parts of a step that are timed. */
export type BenchStep = Pick<PaperStep, "search" | "rectifierGradients" | "apply" | "run" | "dispose">;

/** Transform, quantizer and rectifier of the benchmark. */
export interface BenchCodec extends LatentCodec {
  /** standardized latents -> coefficients, on the host as in training; the same tensor if they are equal. */
  forward(standardized: Tensor4D): Promise<Tensor4D>;
}

/** The codec stays the caller's, and the transform too. */
export function benchCodec(
  transform: Transform,
  { quantizer, rectifier }: Pick<LatentCodec, "quantizer" | "rectifier">,
): BenchCodec {
  return {
    space: { inverse: (coefficients) => transform.inverse(coefficients) },
    quantizer,
    rectifier,
    async forward(standardized) {
      const host = await transform.host();
      if (!host) return standardized;
      const values = Float32Array.from(await standardized.data());
      host.forward(values);
      return tf.tensor4d(values, standardized.shape);
    },
  };
}

export async function createRectifierStep(
  { space, quantizer, rectifier, forward }: BenchCodec,
  { learningRate, rectifierRate, weightDecay, clipNorm }: RunConfig["train"],
  { standardized, coefficients }: LatentBatch,
): Promise<BenchStep> {
  const { variables } = rectifier;
  const optimizer = createAdamW([
    { name: "rectifier", variables, learningRate: learningRate * rectifierRate, weightDecay },
  ]);
  const ids = await quantizer.quantize(coefficients);
  const hostIds = (await ids.data()) as Int32Array;
  const quantized = quantizer.dequantize(ids);
  const gradients = (to: Tensor4D): RectifierGradients => {
    const loss = (): Scalar => meanSquaredError(rectifier.rectify(space.inverse(to)), standardized);
    // An identity rectifier has nothing to train: only its loss is computed.
    return variables.length > 0 ? tf.variableGrads(loss, [...variables]) : { value: tf.tidy(loss), grads: {} };
  };
  const apply = ({ grads }: RectifierGradients): void => {
    if (variables.length === 0) return;
    tf.tidy(() => optimizer.apply(grads, { rectifier: clipScale(grads, clipNorm).scale }));
  };
  return {
    async search(latents) {
      const transformed = await forward(latents.standardized);
      const found = await quantizer.quantize(transformed);
      if (transformed !== latents.standardized) transformed.dispose();
      const gradient = new Float32Array(0);
      return { latents, ids: found, hostIds, quantized: quantizer.dequantize(found), loss: 0, gradient };
    },
    rectifierGradients: (batch) => gradients(batch.quantized),
    apply: async (_, computed) => apply(computed),
    async run() {
      const computed = gradients(quantized);
      apply(computed);
      tf.dispose(computed.grads);
      const loss = (await computed.value.data())[0]!;
      computed.value.dispose();
      return { ids: hostIds, codebooks: 0, rectifier: loss };
    },
    dispose() {
      optimizer.dispose();
      tf.dispose([ids, quantized]);
    },
  };
}

export function meanSquaredError(a: Tensor4D, b: Tensor4D): Scalar {
  return tf.mean(tf.squaredDifference(a, b));
}
