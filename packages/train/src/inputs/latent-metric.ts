/**
 * The metric of a run: which one the settings mean, and the decoder's, measured once. A resumed run
 * reads what it measured before.
 */
import { RevqError, type Backbone, type FitContext, type MetricId, type TransformLayout } from "@revq/core";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { centredSource, channelShares, decoderMetric, type LatentStatistics, type Metric } from "@revq/tokenizer";
import type { RunConfig } from "../config/schema.js";
import type { RunFolder } from "../run/run-folder.js";
import { stopwatch } from "../run/stopwatch.js";
import { measureDecoder } from "./decoder-metric.js";
import type { TrainingInputs } from "./inputs.js";
import type { MetricOf } from "./latent-space.js";

/** `run/metric.safetensors`: `gram`, G of the decoder. */
const savedMetricFile = "run/metric.safetensors";

/** The metric by transform. */
export interface MetricChoice {
  /** Where tokens are made by variance. */
  readonly decorrelated: MetricId;
  readonly other: MetricId;
}

/**
 * The metric that the settings mean. `auto` uses the decoder's where tokens are made by variance. It
 * moves bits to what the decoder sees; where every token has its bits by position, it costs .4 dB.
 * Throws `metric-needs-decoder`.
 * @param backbone null for latents alone
 */
export function chooseMetric({ transform: { metric } }: RunConfig, backbone: Backbone | null): MetricChoice {
  const decodes = backbone?.spec.decodes ?? false;
  if (metric === "auto") return { decorrelated: decodes ? "decoder" : "standardized", other: "standardized" };
  if (metric !== "decoder" || decodes) return { decorrelated: metric, other: metric };
  throw new RevqError(
    "metric-needs-decoder",
    backbone
      ? `The metric of the decoder cannot be measured: the backbone ${backbone.spec.name} does not decode.`
      : "The metric of the decoder cannot be measured: there is no decoder for these latents.",
    {
      fix: "Use images with a backbone that decodes, or standardized latents.",
      setting: { path: "transform.metric", value: "standardized" },
    },
  );
}

export interface MetricInput {
  readonly choice: MetricChoice;
  /** The transforms that the run may have. */
  readonly transforms: readonly Pick<TransformLayout, "decorrelated">[];
  readonly inputs: Pick<TrainingInputs, "train" | "backbone" | "backboneConfig">;
  /** Of the training latents. */
  readonly statistics: LatentStatistics;
  readonly folder: RunFolder;
  readonly context: Pick<FitContext, "random" | "report" | "signal">;
  readonly note: (line: string) => void;
}

/**
 * The metric of every transform. Measures the decoder where a transform needs it, or reads what an
 * earlier start of the run measured.
 */
export async function fitMetric(input: MetricInput): Promise<MetricOf> {
  const { choice, transforms } = input;
  const idOf = ({ decorrelated }: Pick<TransformLayout, "decorrelated">): MetricId =>
    decorrelated ? choice.decorrelated : choice.other;
  const decoder = transforms.some((transform) => idOf(transform) === "decoder") ? await fitDecoderMetric(input) : null;
  return (transform) => {
    const id = idOf(transform);
    if (id !== "decoder") return { id };
    if (!decoder) throw new Error("The metric of this transform was not measured.");
    return decoder;
  };
}

async function fitDecoderMetric({ inputs, statistics, folder, context, note }: MetricInput): Promise<Metric> {
  const { train, backbone, backboneConfig } = inputs;
  const key = JSON.stringify({ fingerprint: backboneConfig!.fingerprint, samples: train.count });
  const path = folder.path(savedMetricFile);
  let gram = await readGram(path, key);
  if (!gram) {
    const clock = stopwatch();
    gram = await measureDecoder(backbone!, train, statistics, context);
    const { channels } = train.shape;
    const tensors = [{ name: "gram", shape: [channels, channels], data: gram }];
    await folder.write(savedMetricFile, writeSafetensors(tensors, { key }));
    note(`Measured how much each channel matters to the decoder (${clock().toFixed(1)} s).`);
  }
  const metric = await decoderMetric(gram, centredSource(train, statistics));
  const shares = channelShares(metric, statistics)!.map((share) => 100 * share);
  const [least, most] = [Math.min(...shares), Math.max(...shares)].map((share) => share.toFixed(1));
  note(`Squared error is that of the picture: one channel makes ${least} % of it, another ${most} %.`);
  return metric;
}

/** Null when there is none of this key: measuring can be repeated. */
async function readGram(path: string, key: string): Promise<Float32Array | null> {
  try {
    const source = await fromFile(path);
    try {
      const file = await openSafetensors(source);
      return file.metadata["key"] === key ? (await file.readFloat32("gram")).data : null;
    } finally {
      await source.close?.();
    }
  } catch {
    return null;
  }
}
