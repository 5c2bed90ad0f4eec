/** The report of `revq backbone inspect` as a table for people. */
import type { ImageCounts } from "@revq/train";
import Table from "cli-table3";
import type { VaeMetrics } from "./measure-vae.js";

export interface InspectReport {
  readonly backbone: string;
  readonly because: string;
  readonly name: string;
  readonly imageSize: number;
  /** `[c, h, w]` */
  readonly latentShape: readonly number[];
  readonly downsample: number;
  readonly decodes: boolean;
  /** Null if the weights are not visible as tensors (onnx). */
  readonly parameters: number | null;
  /** Of the weights in memory. */
  readonly weightBytes: number;
  /** Peak of the process so far. */
  readonly peakResidentBytes: number;
  readonly vae: (VaeMetrics & ImageCounts) | null;
}

export function inspectTable(report: InspectReport): string {
  const { vae, parameters } = report;
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const table = new Table({ style: { head: [], border: [] } });
  table.push(
    ["backbone", `${report.backbone} (${report.because})`],
    ["model", report.name],
    ["latent", `${report.latentShape.join(" x ")} (c, h, w) of an image of ${report.imageSize} x ${report.imageSize}`],
    ["decodes", report.decodes ? "yes" : "no, an encoder only"],
    ["parameters", parameters === null ? "–" : parameters.toLocaleString("en")],
    [
      "memory",
      `${mebibytes(report.weightBytes)} of weights, ${mebibytes(report.peakResidentBytes)} peak of the process`,
    ],
  );
  if (vae) {
    const { encode, decode } = vae.imagesPerSecond;
    table.push(
      [
        "VAE alone",
        vae.psnr === null
          ? "– (it does not decode)"
          : `PSNR ${vae.psnr.toFixed(2)} dB, SSIM ${vae.ssim!.toFixed(3)} over ${vae.images} images`,
      ],
      ["images per second", `encode ${encode.toFixed(2)}${decode === null ? "" : `, decode ${decode.toFixed(2)}`}`],
    );
  }
  return table.toString();
}
