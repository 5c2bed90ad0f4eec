/** Writes the page of `revq eval --report`. */
import { writeFileAtomic } from "@revq/formats/node";
import type { Tokenizer } from "@revq/tokenizer";
import { readLossCurves, tokenizerPage, type MeasuredTokenizer } from "@revq/train";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ShownImages } from "./evaluate.js";

export interface EvalReport {
  /** The tokenizer as the user named it. */
  readonly spec: string;
  readonly tokenizer: Tokenizer;
  readonly measured: MeasuredTokenizer & Partial<ShownImages>;
  /** "50 images of photos/val" */
  readonly measuredOn: string;
  /** Side of the images; null for latents. */
  readonly size: number | null;
}

/** Writes `index.html` into the folder and returns its path. */
export async function writeEvalReport(folder: string, report: EvalReport): Promise<string> {
  const { spec, tokenizer, measured, measuredOn, size } = report;
  const { backbone, transform, quantizer, rectifier } = tokenizer.config;
  const { panels, worst, best, metrics, details } = measured;
  const plugins = { backbone: backbone ?? undefined, transform, quantizer, rectifier };
  const named = Object.entries(plugins).flatMap(([kind, plugin]) => (plugin ? [`${kind} ${plugin.id}`] : []));
  const page = await tokenizerPage({
    title: `Tokenizer ${spec}`,
    summary: [
      `Measured on ${measuredOn}.`,
      `The stages are ${named.join(", ")}; ${tokenizer.layout.count} tokens per image.`,
    ],
    metrics,
    count: metrics.images,
    details,
    loss: await readLossCurves(spec),
    ...(panels && worst && best && size !== null ? { images: { panels, worst, best, size } } : {}),
    configs: [{ label: "config.json", value: tokenizer.config }],
  });
  const path = join(resolve(folder), "index.html");
  await mkdir(resolve(folder), { recursive: true });
  await writeFileAtomic(path, page);
  return path;
}
