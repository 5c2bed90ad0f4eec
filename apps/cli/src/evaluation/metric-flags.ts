/** The flags of scores: networks that measure, and the page that shows the scores. */
import { Flags } from "@oclif/core";
import { lpipsNetworks, type LpipsNetwork } from "@revq/metrics/lpips-networks";
import type { NetworkPaths } from "@revq/train";
import { parseReportImages } from "../settings/report-images.js";

/** Flags that name networks; `revq train` and `revq ablate` have them too. */
export const networkFlags = (help: { readonly helpGroup?: string } = {}) => ({
  lpips: Flags.string({
    description: "add LPIPS: a folder with torchvision's classifier and the heads of LPIPS v0.1",
    helpValue: "<dir>",
    exclusive: ["latents"],
    ...help,
  }),
  "lpips-net": Flags.string({
    description: "the classifier of LPIPS (default squeeze)",
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
    description: "number of worst and of best images on the page, or none (default 4)",
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

/** The paths of the networks that the flags name. */
export function networkPaths(flags: MetricFlags): NetworkPaths {
  return {
    lpips: flags.lpips ?? null,
    lpipsNet: (flags["lpips-net"] ?? "squeeze") as LpipsNetwork,
    inception: flags.inception ?? null,
  };
}

const defaultImages = 4;

/** How many of the worst and of the best images the page shows: 0 without a page. */
export function reportImages(flags: MetricFlags): number {
  if (flags.report === undefined) return 0;
  return parseReportImages(flags["report-images"] ?? String(defaultImages));
}
