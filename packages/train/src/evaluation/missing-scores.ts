/** What to say where scores have networks and cannot be measured. */
import { ssimMinSide } from "@revq/metrics";
import { lpipsMinSides } from "@revq/metrics/lpips-networks";
import type { ResolvedConfig } from "../config/resolve.js";
import type { NetworkPaths } from "./open-networks.js";

/** Null unless LPIPS has a path and the images are too small for it. */
export function tooSmallForLpips(
  { lpips, lpipsNet }: Pick<NetworkPaths, "lpips" | "lpipsNet">,
  imageSize: number,
): string | null {
  const needed = lpipsMinSides[lpipsNet];
  if (lpips === null || imageSize >= needed) return null;
  return `LPIPS is left out: it needs images of at least ${needed} pixels a side, and these have ${imageSize}.`;
}

/** Null unless the images are too small for SSIM. */
export function tooSmallForSsim(imageSize: number): string | null {
  if (imageSize >= ssimMinSide) return null;
  return `SSIM is left out: it needs images of at least ${ssimMinSide} pixels a side, and these have ${imageSize}.`;
}

/**
 * The lines of a run. On latents alone only scores that the user named are missed.
 *
 * @param images whether there are images, or latents alone
 */
export function missingScores({ config, explicit }: ResolvedConfig, images: boolean): string[] {
  const { score, data } = config;
  if (images) {
    const lines = [tooSmallForSsim(data.imageSize), tooSmallForLpips(score, data.imageSize)];
    return lines.filter((line) => line !== null);
  }
  const isNamed = (score.lpips !== null && explicit.has("score.lpips")) || score.inception !== null;
  return isNamed ? ["LPIPS, rFID and the Inception Score are not measured: they need held-out images."] : [];
}
