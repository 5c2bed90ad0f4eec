/**
 * The records of a run, in two forms: `run/metrics.jsonl` for programs, `run/tensorboard/` for
 * TensorBoard.
 */
import { encodePng } from "@revq/data";
import type { LatentDetails } from "@revq/report";
import { appendFile, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { MeasuredImages } from "../evaluation/evaluate-images.js";
import { fileVersionRecord, histogramOf, summaryRecord, type SummaryValue } from "../tensorboard/event-file.js";
import type { EpochRecord, PassRecord, PictureRecord, TokenizerMetrics } from "./records.js";
import type { RunFolder } from "./run-folder.js";
import { panelGrid } from "./samples.js";

/** Sample images for TensorBoard, which keeps all of them in memory. */
const shownPanels = 4;

/** A line of metrics.jsonl while the run goes. */
export type LogRecord = PassRecord | EpochRecord | PictureRecord;

export class RunLog {
  readonly #folder: RunFolder;
  readonly #events: string;
  #lastStep = 0;

  private constructor(folder: RunFolder, events: string) {
    this.#folder = folder;
    this.#events = events;
  }

  /** Starts both with these records: after a resume, those up to the checkpoint. */
  static async start(folder: RunFolder, records: readonly LogRecord[]): Promise<RunLog> {
    await folder.startMetrics(records);
    const events = folder.path("run", "tensorboard");
    await mkdir(events, { recursive: true });
    for (const name of await readdir(events)) if (name.includes("tfevents")) await rm(join(events, name));
    // TensorBoard wants "tfevents" and the time in the name.
    const log = new RunLog(folder, join(events, `events.out.tfevents.${Math.floor(now())}.revq`));
    await appendFile(log.#events, fileVersionRecord(now()));
    for (const record of records) await log.#append(stepOf(record), scalarsOf(record));
    return log;
  }

  async record(record: LogRecord): Promise<void> {
    await this.#folder.appendMetrics(record);
    await this.#append(stepOf(record), scalarsOf(record));
  }

  /** @param result the last line of metrics.jsonl */
  async finish(result: object, { metrics, details, panels }: MeasuredImages, imageSize: number): Promise<void> {
    await this.#folder.appendMetrics({ result });
    const images: SummaryValue[] = [];
    for (const panel of panels.slice(0, shownPanels)) {
      const grid = panelGrid([panel], imageSize);
      images.push({
        tag: `samples/${panel.name}`,
        image: { width: grid.width, height: grid.height, png: await encodePng(grid) },
      });
    }
    await this.#append(this.#lastStep, [...metricsOf(metrics), ...images, ...histogramsOf(details)]);
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

function stepOf(record: LogRecord): number {
  if ("pass" in record) return record.pass;
  return "epoch" in record ? record.epoch : record.pictureStep;
}

function scalarsOf(record: LogRecord): SummaryValue[] {
  if ("pass" in record) {
    return [
      { tag: "codebooks/mse", scalar: record.mse },
      { tag: "codebooks/usage", scalar: record.usage },
    ];
  }
  if ("pictureStep" in record) {
    const { psnr, lpips } = record.scores;
    const scores = Object.entries({ psnr, lpips }).filter(([, value]) => value !== null);
    return scores.map(([name, value]) => ({ tag: `pictures/${name}`, scalar: value! }));
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

function metricsOf(metrics: TokenizerMetrics): SummaryValue[] {
  const numbers: [string, number | null | undefined][] = [
    ["psnr", metrics.psnr],
    ["psnr_vae", metrics.vae?.psnr],
    ["ssim", metrics.ssim],
    ["ssim_vae", metrics.vae?.ssim],
    ["ms_ssim", metrics.msSsim],
    ["lpips", metrics.lpips],
    ["lpips_vae", metrics.vae?.lpips],
    ["rfid", metrics.rfid],
    ["latent_mse_quantized", metrics.latentMse.quantized],
    ["latent_mse_rectified", metrics.latentMse.rectified],
    ["rate_distortion_bound", metrics.rateDistortionBound?.latentMse],
    ["bits_per_image", metrics.bitsPerImage],
    ["perplexity", metrics.perplexity],
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
