/** What `revq eval` can measure and show beyond the plain scores: flags, the networks they name, the page. */
import { Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { lpipsNetworks, type LpipsNetwork } from "@revq/metrics/networks";
import type { Tokenizer } from "@revq/tokenizer";
import {
  mostReportImages,
  readLossCurves,
  tokenizerPage,
  type ImageEvaluation,
  type NetworkPlaces,
  type Scored,
} from "@revq/train";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

/** Flags that name networks; `revq train` and `revq ablate` have them too. */
export const networkFlags = (help: { readonly helpGroup?: string } = {}) => ({
  lpips: Flags.string({
    description: "add LPIPS: a folder with torchvision's classifier and the heads of LPIPS v0.1",
    helpValue: "<dir>",
    exclusive: ["latents"],
    ...help,
  }),
  "lpips-net": Flags.string({
    description: "which classifier LPIPS looks through (default squeeze)",
    options: [...lpipsNetworks],
    dependsOn: ["lpips"],
    helpValue: "<net>",
    ...help,
  }),
  inception: Flags.string({
    description: "add rFID and Inception Score: pytorch-fid's pt_inception-2015-12-05 file",
    helpValue: "<spec>",
    exclusive: ["latents"],
    ...help,
  }),
});

export const metricFlags = {
  ...networkFlags(),
  report: Flags.string({ description: "write a page with charts and images into this folder", helpValue: "<dir>" }),
  "report-images": Flags.string({
    description: "how many of the worst and of the best images the page shows, or none (default 4)",
    helpValue: "<n|none>",
    dependsOn: ["report"],
  }),
};

export interface MetricFlags {
  readonly lpips?: string | undefined;
  readonly "lpips-net"?: string | undefined;
  readonly inception?: string | undefined;
  readonly report?: string | undefined;
  readonly "report-images"?: string | undefined;
}

/** Where the networks are that the flags name. */
export function networkPlaces(flags: MetricFlags): NetworkPlaces {
  return {
    lpips: flags.lpips ?? null,
    lpipsNet: (flags["lpips-net"] ?? "squeeze") as LpipsNetwork,
    inception: flags.inception ?? null,
  };
}

const defaultImages = 4;

/** How many of either end the page shows: 0 without a page. */
export function reportImages(flags: MetricFlags): number {
  if (flags.report === undefined) return 0;
  return parseReportImages(flags["report-images"] ?? String(defaultImages));
}

/** A number of images, or "none". Throws `report-images`. */
export function parseReportImages(text: string): number {
  const count = text === "none" ? 0 : Number(text);
  if (Number.isSafeInteger(count) && count >= 0 && count <= mostReportImages) return count;
  throw new RevqError(
    "report-images",
    `--report-images ${text} is neither "none" nor a number from 0 to ${mostReportImages}.`,
    {
      fix: "--report-images 8 shows the eight worst and the eight best.",
      exitCode: 2,
    },
  );
}

export interface EvalReport {
  /** As the user named it. */
  readonly spec: string;
  readonly tokenizer: Tokenizer;
  readonly scored: Scored & Partial<Pick<ImageEvaluation, "worst" | "best">>;
  /** "50 images of photos/val" */
  readonly scoredOn: string;
  readonly size: number | null;
}

/** Writes `index.html` into the folder and returns its path. */
export async function writeEvalReport(folder: string, report: EvalReport): Promise<string> {
  const { spec, tokenizer, scored, scoredOn, size } = report;
  const { backbone, quantizer, rectifier } = tokenizer.config;
  const { worst, best } = scored;
  const page = await tokenizerPage({
    title: `Tokenizer ${spec}`,
    summary: [
      `Scored on ${scoredOn}.`,
      `${backbone ? `Backbone ${backbone.id}, quantizer` : "Quantizer"} ${quantizer.id}, rectifier ${rectifier.id}; ${tokenizer.tokens.tokens} tokens per image.`,
    ],
    evaluation: scored.evaluation,
    images: scored.evaluation.images,
    details: scored.details,
    loss: await readLossCurves(spec),
    ...(worst && best && worst.length > 0 && size !== null ? { extremes: { worst, best, size } } : {}),
    configs: [{ label: "config.json", value: tokenizer.config }],
  });
  const path = join(resolve(folder), "index.html");
  await mkdir(resolve(folder), { recursive: true });
  await writeFileAtomic(path, new TextEncoder().encode(page));
  return path;
}
