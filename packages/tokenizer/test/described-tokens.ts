import { parseOptions, type LatentShape, type QuantizerPlugin, type TransformPlugin } from "@revq/core";
import { none } from "@revq/transform-block";
import type { DescribedTokens } from "../src/index.js";

/** Images of 64 pixels. */
export const small: LatentShape = { channels: 4, height: 8, width: 8 };
/** Images of 128 pixels, in four blocks of 8 x 8 positions. */
export const large: LatentShape = { channels: 2, height: 16, width: 16 };

export type Options = Readonly<Record<string, unknown>>;

/** Tokens that the quantizer makes of such a latent. */
export function tokensOf(
  plugin: QuantizerPlugin,
  raw: Options,
  latentShape: LatentShape,
  transformPlugin: TransformPlugin = none,
): DescribedTokens {
  const { layout } = plugin.layout(parseOptions(plugin, raw), latentShape);
  const transform = transformPlugin.layout({}, { latentShape, tokens: layout.count })!;
  return { layout, latentShape, transform, imageSize: latentShape.width * 8 };
}
