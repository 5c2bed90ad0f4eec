/** The flags of scores: networks that measure, and the page that shows the scores. */
import { Flags } from "@oclif/core";
import { lpipsNetworks, type LpipsNetwork } from "@revq/metrics/lpips-networks";
import type { NetworkPaths } from "@revq/train";
import { UsageError } from "../errors/usage-error.js";
import { parseReportImages } from "../settings/report-images.js";
import { lpipsOrBundled, noLpips } from "../weights/bundled-lpips.js";

/** Flags that name networks; `revq train` and `revq ablate` have them too. */
export const networkFlags = (help: { readonly helpGroup?: string } = {}) => ({
  lpips: Flags.string({
    description:
      "weights of LPIPS: a folder with torchvision's classifier and the heads of LPIPS v0.1, or none (default: the bundled ones, of squeeze)",
    helpValue: "<dir|none>",
    ...help,
  }),
  "lpips-net": Flags.string({
    description: "the classifier of LPIPS (default squeeze); the others need --lpips",
    options: [...lpipsNetworks],
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
    description: "number of typical, of worst and of best images on the page, or none (default 4)",
    helpValue: "<n|none>",
    dependsOn: ["report"],
  }),
};

export interface MetricFlags {
  readonly latents?: readonly string[] | undefined;
  readonly lpips?: string | undefined;
  readonly "lpips-net"?: string | undefined;
  readonly inception?: string | undefined;
  readonly report?: string | undefined;
  readonly "report-images"?: string | undefined;
}

/**
 * The paths of the networks that the flags name. Images have LPIPS with the bundled weights if no flag says otherwise.
 *
 * @throws UsageError `lpips-of-latents`, `lpips-net-not-bundled`
 */
export function networkPaths(flags: MetricFlags): NetworkPaths {
  const lpipsNet = (flags["lpips-net"] ?? "squeeze") as LpipsNetwork;
  const inception = flags.inception ?? null;
  if (flags.latents === undefined) return { lpips: lpipsOrBundled(flags.lpips, lpipsNet), lpipsNet, inception };
  if (flags.lpips === undefined || flags.lpips === noLpips) return { lpips: null, lpipsNet, inception };
  throw new UsageError("lpips-of-latents", "LPIPS compares images: it cannot be measured on latents.", {
    fix: "Leave out --lpips, or measure on images with --data.",
  });
}

const defaultImages = 4;

/** How many typical, worst and best images the page shows: 0 without a page. */
export function reportImages(flags: MetricFlags): number {
  if (flags.report === undefined) return 0;
  return parseReportImages(flags["report-images"] ?? String(defaultImages));
}
