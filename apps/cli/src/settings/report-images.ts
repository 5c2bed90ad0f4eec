/** `--report-images`: how many of the worst and of the best images a page shows. */
import { maxReportImages } from "@revq/train/config";
import { UsageError } from "../errors/usage-error.js";

/** A number of images, or "none". Throws `report-images`. */
export function parseReportImages(text: string): number {
  const count = text === "none" ? 0 : Number(text);
  if (Number.isSafeInteger(count) && count >= 0 && count <= maxReportImages) return count;
  throw new UsageError(
    "report-images",
    `--report-images ${text} is neither "none" nor a number from 0 to ${maxReportImages}.`,
    { fix: "--report-images 8 shows the eight worst and the eight best images." },
  );
}
