/** What `revq tokenize` says about a data set. */
import type { DatasetEstimate, DatasetPlan } from "@revq/dataset";

/** The answer to `--dry-run`. */
export function estimateText(
  { plan, images, samples, bytes, seconds, imagesPerSecond, measured }: DatasetEstimate,
  parts: number,
): string {
  const count = (value: number): string => value.toLocaleString("en-US");
  const crops = plan.crops > 1 ? `, ${count(samples)} samples (${plan.crops} crops each)` : "";
  const shared = parts > 1 ? `, ${timeText(seconds / parts)} by ${parts} processes like it` : "";
  return [
    `images   ${count(images)}${plan.input === "latents" ? " (latents)" : ""}${crops}`,
    `format   ${plan.format}, ids as ${plan.idType}`,
    `shards   ${count(plan.shards)} of ${count(plan.imagesPerShard)} images`,
    `size     ${bytesText(bytes)}`,
    `time     ${timeText(seconds)} by this process${shared} (${rateText(imagesPerSecond)} images a second, measured on ${measured})`,
  ].join("\n");
}

/** How samples are read, as a hint behind the closing line. */
export function shardsText(plan: DatasetPlan, folder: string, done: number): string {
  return `${done} of ${plan.shards} shards; \`revq merge ${folder}\` joins all parts when they are done`;
}

export function bytesText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function rateText(rate: number): string {
  return rate >= 10 ? Math.round(rate).toLocaleString("en-US") : rate.toFixed(1);
}
