/** What a run says while it goes, twice: `run/metrics.jsonl` for programs, `run/tensorboard/` for TensorBoard. */
import { encodePng, imageGrid } from "@revq/data";
import type { LatentDetails } from "@revq/report";
import { appendFile, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Panel } from "./evaluate.js";
import type { EpochRecord, Evaluation, PassRecord } from "./records.js";
import type { RunFolder } from "./run-folder.js";
import { fileVersionRecord, histogramOf, summaryRecord, type SummaryValue } from "./tensorboard/event-file.js";

/** Rows of stations that TensorBoard gets; it keeps every one in memory. */
const shownPanels = 4;

export class RunLog {
  readonly #folder: RunFolder;
  readonly #events: string;
  #lastStep = 0;

  private constructor(folder: RunFolder, events: string) {
    this.#folder = folder;
    this.#events = events;
  }

  /** Starts both anew with these records: after a resume, those up to the checkpoint. */
  static async start(folder: RunFolder, records: readonly (PassRecord | EpochRecord)[]): Promise<RunLog> {
    await folder.startMetrics(records);
    const place = folder.path("run", "tensorboard");
    await mkdir(place, { recursive: true });
    for (const name of await readdir(place)) if (name.includes("tfevents")) await rm(join(place, name));
    // TensorBoard wants "tfevents" and the time in the name.
    const log = new RunLog(folder, join(place, `events.out.tfevents.${Math.floor(now())}.revq`));
    await appendFile(log.#events, fileVersionRecord(now()));
    for (const record of records) await log.#append(stepOf(record), scalarsOf(record));
    return log;
  }

  async record(record: PassRecord | EpochRecord): Promise<void> {
    await this.#folder.appendMetrics(record);
    await this.#append(stepOf(record), scalarsOf(record));
  }

  /** What the run ends with. @param result the line of metrics.jsonl */
  async finish(
    result: object,
    evaluation: Evaluation,
    details: LatentDetails,
    panels: readonly Panel[],
    size: number,
  ): Promise<void> {
    await this.#folder.appendMetrics({ result });
    const images: SummaryValue[] = [];
    for (const { name, original, vae, quantized, rectified } of panels.slice(0, shownPanels)) {
      const row = [original, vae, quantized, rectified].map((image) => image.map((value) => value * 2 - 1));
      const grid = imageGrid([row], size, { labels: ["original", "VAE", "quantized", "rectified"] });
      images.push({
        tag: `samples/${name}`,
        image: { width: grid.width, height: grid.height, png: await encodePng(grid) },
      });
    }
    await this.#append(this.#lastStep, [...scoresOf(evaluation), ...images, ...histogramsOf(details)]);
  }

  async #append(step: number, values: readonly SummaryValue[]): Promise<void> {
    if (values.length === 0) return;
    this.#lastStep = Math.max(this.#lastStep, step);
    await appendFile(this.#events, summaryRecord(now(), step, values));
  }
}

/** Seconds since 1970. */
function now(): number {
  return Date.now() / 1000;
}

function stepOf(record: PassRecord | EpochRecord): number {
  return "pass" in record ? record.pass : record.epoch;
}

function scalarsOf(record: PassRecord | EpochRecord): SummaryValue[] {
  if ("pass" in record) {
    return [
      { tag: "codebooks/mse", scalar: record.mse },
      { tag: "codebooks/usage", scalar: record.usage },
    ];
  }
  const { train, val } = record.latentMse;
  return [
    { tag: "latent_mse/train_quantized", scalar: train.quantized },
    { tag: "latent_mse/train_rectified", scalar: train.rectified },
    { tag: "latent_mse/val_quantized", scalar: val.quantized },
    { tag: "latent_mse/val_rectified", scalar: val.rectified },
    { tag: "usage", scalar: record.usage },
  ];
}

function scoresOf(evaluation: Evaluation): SummaryValue[] {
  const numbers: [string, number | null | undefined][] = [
    ["psnr", evaluation.psnr],
    ["psnr_floor", evaluation.floor?.psnr],
    ["ssim", evaluation.ssim],
    ["ssim_floor", evaluation.floor?.ssim],
    ["ms_ssim", evaluation.msSsim],
    ["lpips", evaluation.lpips],
    ["lpips_floor", evaluation.floor?.lpips],
    ["rfid", evaluation.rfid],
    ["latent_mse_quantized", evaluation.latentMse.quantized],
    ["latent_mse_rectified", evaluation.latentMse.rectified],
    ["rate_distortion_bound", evaluation.rateDistortionBound?.latentMse],
    ["bits_per_image", evaluation.bitsPerImage],
    ["perplexity", evaluation.perplexity],
  ];
  return numbers.flatMap(([name, value]) =>
    typeof value === "number" && Number.isFinite(value) ? [{ tag: `score/${name}`, scalar: value }] : [],
  );
}

function histogramsOf({ groups, histograms, errorPerPosition }: LatentDetails): SummaryValue[] {
  return [
    { tag: "groups/usage", histogram: histogramOf(groups.map(({ usage }) => usage)) },
    { tag: "groups/perplexity", histogram: histogramOf(groups.map(({ perplexity }) => perplexity)) },
    { tag: "positions/latent_mse_rectified", histogram: histogramOf(errorPerPosition.rectified) },
    ...histograms.map(({ group, counts }) => ({ tag: `code_hits/group_${group}`, histogram: histogramOf(counts) })),
  ];
}
