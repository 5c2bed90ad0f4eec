/** What is kept of a trial, and the table that all of them make. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@revq/formats/node";
import type { RunConfig } from "../config/schema.js";
import type { TrainResult } from "../records.js";

/** Settings that decide a trial's numbers; nothing that says where files are. */
export type TrialConfig = Pick<
  RunConfig,
  "recipe" | "seed" | "bits" | "backbone" | "quantizer" | "rectifier" | "train" | "data"
>;

export interface FinishedTrial {
  readonly name: string;
  readonly config: TrialConfig;
  readonly result: TrainResult;
}

export interface FailedTrial {
  readonly name: string;
  readonly config: TrialConfig | null;
  readonly error: string;
}

export function trialConfig(config: RunConfig): TrialConfig {
  const { recipe, seed, bits, backbone, quantizer, rectifier, train, data } = config;
  return { recipe, seed, bits, backbone, quantizer, rectifier, train, data: { ...data, store: null } };
}

/** Same settings, same print. */
export function printOf(config: TrialConfig): string {
  return createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 16);
}

/** Results of finished trials, one file each: what is there is never run again. */
export class TrialRecords {
  constructor(private readonly folder: string) {}

  /** Null when it did not finish, or finished with other settings. */
  async read(name: string, config: TrialConfig): Promise<FinishedTrial | null> {
    let record: FinishedTrial & { readonly print: string };
    try {
      record = JSON.parse(await readFile(this.path(name), "utf8")) as typeof record;
    } catch {
      return null;
    }
    if (record.print !== printOf(config)) return null;
    return { name, config: record.config, result: record.result };
  }

  async write(trial: FinishedTrial): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const record = { print: printOf(trial.config), ...trial };
    await writeFileAtomic(this.path(trial.name), new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
  }

  private path(name: string): string {
    return join(this.folder, `${name}.json`);
  }
}

/** One row a trial; `null` where a number does not exist. */
export interface TrialRow {
  readonly name: string;
  readonly backbone: string;
  readonly quantizer: string;
  readonly rectifier: string;
  readonly recipe: string;
  readonly tokens: number;
  readonly bitsPerImage: number;
  readonly quantizedMse: number;
  readonly rectifiedMse: number;
  readonly psnr: number | null;
  readonly psnrFloor: number | null;
  readonly ssim: number | null;
  readonly ssimFloor: number | null;
  readonly lpips: number | null;
  readonly lpipsFloor: number | null;
  readonly rfid: number | null;
  /** The rate-distortion bound on the latent mse at these bits. */
  readonly boundMse: number | null;
  readonly usage: number;
  readonly perplexity: number;
  readonly seconds: number;
}

export function trialRow({ name, config, result }: FinishedTrial): TrialRow {
  const { latentMse, psnr, ssim, lpips, rfid, floor, seconds, rateDistortionBound } = result;
  return {
    name,
    backbone: config.data.latents === null ? config.backbone.id : "latents",
    quantizer: config.quantizer.id,
    rectifier: config.rectifier.id,
    recipe: config.recipe,
    tokens: result.tokens,
    bitsPerImage: result.bitsPerImage,
    quantizedMse: latentMse.quantized,
    rectifiedMse: latentMse.rectified,
    psnr,
    psnrFloor: floor?.psnr ?? null,
    ssim,
    ssimFloor: floor?.ssim ?? null,
    lpips,
    lpipsFloor: floor?.lpips ?? null,
    rfid,
    boundMse: rateDistortionBound?.latentMse ?? null,
    usage: result.usage,
    perplexity: result.perplexity,
    seconds: seconds.fitCodebooks + seconds.trainRectifier,
  };
}

/** RFC 4180, with a header. */
export function trialsCsv(rows: readonly TrialRow[]): string {
  const header: (keyof TrialRow)[] = [
    "name",
    "backbone",
    "quantizer",
    "rectifier",
    "recipe",
    "tokens",
    "bitsPerImage",
    "quantizedMse",
    "rectifiedMse",
    "psnr",
    "psnrFloor",
    "ssim",
    "ssimFloor",
    "lpips",
    "lpipsFloor",
    "rfid",
    "boundMse",
    "usage",
    "perplexity",
    "seconds",
  ];
  const cell = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header.join(","), ...rows.map((row) => header.map((key) => cell(row[key])).join(","))].join("\r\n") + "\r\n";
}
