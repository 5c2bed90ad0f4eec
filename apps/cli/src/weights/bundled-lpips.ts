/** LPIPS without being asked: its weights are bundled with the CLI. */
import type { LpipsNetwork } from "@revq/metrics/lpips-networks";
import type { ResolvedConfig } from "@revq/train/config";
import { lpipsFolder } from "@revq/weights-lpips";
import { fileURLToPath } from "node:url";
import { UsageError } from "../errors/usage-error.js";

/** What stands for the bundled weights where a folder is named. */
export const bundledLpips = { spec: "embedded:lpips", folder: fileURLToPath(lpipsFolder) } as const;

/** What `--lpips` takes for no LPIPS. */
export const noLpips = "none";

/**
 * The folder with the weights of LPIPS: the one that is named, else the bundled one; null for none.
 *
 * @throws UsageError `lpips-net-not-bundled`
 */
export function lpipsOrBundled(named: string | null | undefined, network: LpipsNetwork): string | null {
  if (named !== undefined) return named === noLpips ? null : named;
  if (network === "squeeze") return bundledLpips.spec;
  throw new UsageError(
    "lpips-net-not-bundled",
    `The bundled weights of LPIPS are for squeeze only, not for ${network}.`,
    {
      fix: `Name a folder with torchvision's classifier and the heads of LPIPS for ${network}.`,
      setting: { path: "score.lpips", value: "<dir>" },
    },
  );
}

/**
 * Gives the bundled weights of LPIPS to a run on images that names none. "none" and null switch LPIPS off.
 *
 * @throws UsageError `lpips-net-not-bundled`
 */
export function withBundledLpips(resolved: ResolvedConfig): ResolvedConfig {
  const { config, origins, explicit } = resolved;
  const isNamed = origins.get("score.lpips") !== "default"; // a run that is resumed names it too
  if (!isNamed && config.data.latents !== null) return resolved;
  const lpips = lpipsOrBundled(isNamed ? config.score.lpips : undefined, config.score.lpipsNet);
  return {
    config: { ...config, score: { ...config.score, lpips } },
    origins: isNamed ? origins : new Map([...origins, ["score.lpips", "bundled"]]),
    explicit,
  };
}
