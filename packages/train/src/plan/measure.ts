/**
 * Measures candidate plans: fits each one quickly on a part of the training latents and scores
 * held-out latents. The score compares the picture of the middle of the quantized latent with the
 * VAE's own picture of the same part; the rectifier has no part in it.
 */
import type { Backbone, FitContext, LatentShape, PluginRegistry } from "@revq/core";
import { psnr, toUnitRange } from "@revq/metrics";
import type { Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { chunks, disposeBatch, measuringBatch, readBatch, type LatentSet } from "../evaluation/latent-batches.js";
import { dequantizeIds, meanSquaredError } from "../evaluation/latent-error.js";
import type { TrainingInputs } from "../inputs/inputs.js";
import { fitLatentSpace, type LatentBasis } from "../inputs/latent-space.js";
import type { SelectionScores } from "../pictures/select.js";
import { planWithLatents } from "./candidates.js";
import { createQuantizer, createTransform } from "./create.js";
import type { PlanInput, TrainingPlan } from "./plan.js";

export interface MeasureInput {
  /** What candidates are fitted on, and the held-out latents that they are scored on. */
  readonly latents: Pick<TrainingInputs, "train" | "val">;
  readonly basis: LatentBasis;
  /** Makes the pictures; null scores latents alone. */
  readonly backbone: Pick<Backbone, "decode"> | null;
  readonly lpips: Lpips | null;
  readonly planInput: PlanInput;
  readonly context: FitContext;
}

/** Scores of every candidate, in order. */
export async function measureCandidates(
  candidates: readonly TrainingPlan[],
  input: MeasureInput,
): Promise<SelectionScores[]> {
  const { backbone, context } = input;
  const fitted: QuantizedLatents[] = [];
  for (const [index, plan] of candidates.entries()) {
    const phase = `candidate ${index + 1} of ${candidates.length}`;
    const report: FitContext["report"] = (progress) =>
      context.report({ ...progress, phase: `${phase}: ${progress.phase}` });
    fitted.push(await quantizeHeldOut(plan, { ...input, context: { ...context, report } }));
  }
  const pictures = backbone ? await scorePictures(fitted, backbone, input) : null;
  return fitted.map(({ latentMse }, index) => ({
    latent: latentMse,
    psnr: pictures?.[index]!.psnr ?? null,
    lpips: pictures?.[index]!.lpips ?? null,
  }));
}

interface QuantizedLatents {
  /** Quantized held-out latents as the backbone reads them, `[n, h, w, c]` flat. */
  readonly values: Float32Array;
  /** Of standardized latents. */
  readonly latentMse: number;
}

async function quantizeHeldOut(
  plan: TrainingPlan,
  { latents, basis, planInput, context }: MeasureInput,
): Promise<QuantizedLatents> {
  const { plugins } = planInput;
  const transform = await createTransform(plan, plugins);
  const { space, train, val } = await fitLatentSpace(latents, transform, basis, context);
  try {
    const settled = await planWithLatents(draftOf(plan, plugins), train.coefficients, planInput);
    const quantizer = await createQuantizer(settled, plugins);
    try {
      await quantizer.fit(train.coefficients, { ...context, random: context.random.fork("codebooks") });
      return await quantizeAll({ space, quantizer }, val);
    } finally {
      quantizer.dispose();
    }
  } finally {
    space.dispose();
  }
}

/** With the quantizer's options for a quick fit. */
function draftOf(plan: TrainingPlan, plugins: PluginRegistry): TrainingPlan {
  const { id, options } = plan.quantizer;
  const draft = plugins.get("quantizer", id).sets?.["draft"];
  return { ...plan, quantizer: { id, options: { ...options, ...draft } } };
}

async function quantizeAll(
  codec: Parameters<typeof dequantizeIds>[0] & { readonly space: { unstandardize(latents: Tensor4D): Tensor4D } },
  latents: LatentSet,
): Promise<QuantizedLatents> {
  const { count } = latents.standardized;
  const parts: Float32Array[] = [];
  let squares = 0;
  for (const rows of chunks(count, measuringBatch(latents.standardized))) {
    const batch = await readBatch(latents, rows);
    const ids = await codec.quantizer.quantize(batch.coefficients);
    const [raw, error] = tf.tidy(() => {
      const quantized = dequantizeIds(codec, ids);
      return [codec.space.unstandardize(quantized), meanSquaredError(batch.standardized, quantized)];
    }) as [Tensor4D, tf.Scalar];
    parts.push((await raw.data()) as Float32Array);
    squares += (await error.data())[0]! * rows.length;
    disposeBatch(batch);
    tf.dispose([ids, raw, error]);
  }
  return { values: joined(parts), latentMse: squares / count };
}

/** Image by image, so that the VAE's own picture is made once for all candidates. */
async function scorePictures(
  candidates: readonly QuantizedLatents[],
  backbone: Pick<Backbone, "decode">,
  { latents: { val }, lpips, context: { report, signal } }: MeasureInput,
): Promise<{ psnr: number; lpips: number | null }[]> {
  const { channels, height, width } = val.shape;
  const part = decodedPart(val.shape);
  const size = channels * height * width;
  const sums = candidates.map(() => ({ psnr: 0, lpips: 0 }));
  const total = val.count * (candidates.length + 1);
  let done = 0;
  const picture = async (latent: Float32Array): Promise<Picture> => {
    signal.throwIfAborted();
    report({ phase: "compare pictures", done: done++, total });
    const tensor = tf.tidy(() => {
      const from = [0, Math.floor((height - part.height) / 2), Math.floor((width - part.width) / 2), 0];
      const whole = tf.tensor4d(latent, [1, height, width, channels]);
      return tf.slice(whole, from, [1, part.height, part.width, channels]);
    });
    const image = await backbone.decode(tensor);
    const pixels = toUnitRange((await image.data()) as Float32Array);
    const features = lpips ? tf.tidy(() => lpips.features(tf.clipByValue(image, -1, 1))) : null;
    tf.dispose([tensor, image]);
    return { pixels, features };
  };
  for (let row = 0; row < val.count; row++) {
    const own = await picture(await val.read([row]));
    for (const [index, { values }] of candidates.entries()) {
      const quantized = await picture(values.slice(row * size, (row + 1) * size));
      sums[index]!.psnr += psnr(own.pixels, quantized.pixels) / val.count;
      if (lpips) {
        const distance = lpips.compare(own.features!, quantized.features!);
        sums[index]!.lpips += (await distance.data())[0]! / val.count;
        tf.dispose([distance, ...quantized.features!]);
      }
    }
    tf.dispose(own.features ?? []);
  }
  report({ phase: "compare pictures", done: total, total });
  return sums.map((sum) => ({ psnr: sum.psnr, lpips: lpips ? sum.lpips : null }));
}

/** Positions of a side that are decoded: pictures of many images say more than few whole ones. */
const decodedSide = 16;

export function decodedPart({ height, width }: LatentShape): { height: number; width: number } {
  return { height: Math.min(height, decodedSide), width: Math.min(width, decodedSide) };
}

interface Picture {
  /** In [0, 1], flat. */
  readonly pixels: Float32Array;
  /** Of LPIPS. */
  readonly features: Tensor4D[] | null;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
