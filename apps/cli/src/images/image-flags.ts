/** The flags of commands that read images. */
import { Flags } from "@oclif/core";
import type { OpenImagesOptions } from "@revq/data";
import { UsageError } from "../errors/usage-error.js";

/** The one grammar of sources; docs/data.md has an example of each. */
export const whatImagesAre =
  "a folder (images and archives at any depth), image, .tar or .parquet file, pattern ('{0..9}', '*', '**'), URL, or hf:datasets/owner/name[/path][@revision]; repeat for several";

/** The same for latents. */
export const whatLatentsAre =
  "a .npy, .safetensors or torch .pt file of [n,c,h,w], a pattern of them, or a store of `revq extract`; repeat for several";

/** A flag that may be repeated. Each takes one value, so that arguments can follow. */
export const repeated = { multiple: true, multipleNonGreedy: true } as const;

const group = { helpGroup: "DATA" };

export const skipBrokenFlag = Flags.boolean({
  description: "skip and count archives that are broken or missing; their images before the damage are used",
  ...group,
});

export const pixelLimitFlag = Flags.string({
  description: "skip images of more megapixels (default 100)",
  helpValue: "<MP>",
  ...group,
});

export const imageFlags = { "skip-broken": skipBrokenFlag, "pixel-limit": pixelLimitFlag };

/** @throws UsageError `pixel-limit` */
export function imageOptions(flags: {
  readonly "skip-broken"?: boolean | undefined;
  readonly "pixel-limit"?: string | undefined;
}): Pick<OpenImagesOptions, "skipBroken" | "pixelLimit"> {
  const { "skip-broken": skipBroken = false, "pixel-limit": limit } = flags;
  return { skipBroken, ...(limit === undefined ? {} : { pixelLimit: parseMegapixels(limit) * 1e6 }) };
}

/** @throws UsageError `pixel-limit` */
export function parseMegapixels(text: string): number {
  const megapixels = Number(text);
  if (megapixels > 0 && Number.isFinite(megapixels)) return megapixels;
  throw new UsageError("pixel-limit", `--pixel-limit ${text} is not a number of megapixels.`, {
    fix: "For example: --pixel-limit 200",
  });
}
