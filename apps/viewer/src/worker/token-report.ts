/** What ids say: their latents as a picture, and the error of each token. */
import type { LatentShape } from "@revq/core";
import type { Footprints, LatentMse, TokenReport } from "../protocol/messages.js";
import { channelLast } from "./footprints.js";
import { colourPicture, fitBasis, type LatentBasis } from "./latent-colours.js";

/** Standardized latents `[h, w, c]`, flat. */
export interface ReportedLatents {
  readonly quantized: Float32Array;
  readonly rectified: Float32Array;
  /** Before quantization; null for ids without an image. */
  readonly exact: Float32Array | null;
  /** The quantized ones in the metric, where distances are about those of pictures. */
  readonly seen: Float32Array;
}

/** @param basis of the colours; null: the one that suits these latents */
export function tokenReport(
  { quantized, rectified, exact, seen }: ReportedLatents,
  shape: LatentShape,
  footprints: Footprints,
  basis: LatentBasis | null,
): TokenReport & { readonly basis: LatentBasis } {
  const used = basis ?? fitBasis(seen, shape.channels);
  return {
    basis: used,
    map: colourPicture(seen, shape, used),
    tokenErrors: exact && tokenErrors(exact, quantized, shape, footprints),
    latentMse: exact && latentMse(exact, quantized, rectified),
  };
}

/** Mean squared error over the elements that a token decides, `[T]`. */
function tokenErrors(
  exact: Float32Array,
  quantized: Float32Array,
  shape: LatentShape,
  { starts, indices }: Footprints,
): Float32Array {
  const errors = new Float32Array(starts.length - 1);
  for (let token = 0; token < errors.length; token++) {
    const [first, last] = [starts[token]!, starts[token + 1]!];
    let sum = 0;
    for (let i = first; i < last; i++) {
      const at = channelLast(indices[i]!, shape);
      sum += (exact[at]! - quantized[at]!) ** 2;
    }
    errors[token] = last > first ? sum / (last - first) : 0;
  }
  return errors;
}

function latentMse(exact: Float32Array, quantized: Float32Array, rectified: Float32Array): LatentMse {
  const error = (values: Float32Array): number =>
    exact.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / exact.length;
  return { quantized: error(quantized), rectified: error(rectified) };
}
