/** What a decoder in another language needs: the path of a trained trellis, and how its tables lie. */
import { latentSize, type LatentShape, type NamedArray, type TransformLayout } from "@revq/core";
import { blockShape, tileDeviations } from "./deviations.js";
import { orderOf, pathOf } from "./path.js";
import { rateClasses } from "./rates.js";
import { columnsOf, sharedColumn, windows } from "./tables.js";

export interface TrellisLayout {
  /** Coefficients in the order of the path, `[elements]`: indices in `[h, w, c]`. */
  readonly order: Int32Array;
  /** Their deviations in that order, `[elements]`. */
  readonly deviations: Float32Array;
  /** Rate class of each step, `[steps]`. */
  readonly classOf: Int32Array;
  /** For each rate class: coefficients and bits of a step, and the columns of its table. */
  readonly classes: readonly { readonly vector: number; readonly bits: number; readonly columns: number }[];
  /** The column of every window in tables that have fewer columns than windows, `[512]`. */
  readonly sharedColumns: Int32Array;
}

/** The tensors of a trained trellis that decide its path. */
export interface TrellisState {
  /** Rate class of each block of 4 coefficients or -1, int32 `[ceil(elements / 4)]`. Blocks without bits come last. */
  readonly rates: NamedArray;
  /** Deviations where they are unequal, float32 `[rows, columns, c]`. */
  readonly scale?: NamedArray | undefined;
}

/** The layout of a trellis on latents of `shape` after a transform. */
export function trellisLayout(
  { rates, scale }: TrellisState,
  shape: LatentShape,
  transform: TransformLayout,
): TrellisLayout {
  const all = scale
    ? tileDeviations(Float32Array.from(scale.data), shape, blockShape(shape, transform))
    : new Float32Array(latentSize(shape)).fill(1);
  const { order, classOf } = pathOf(orderOf(all), Int8Array.from(rates.data));
  return {
    order,
    deviations: Float32Array.from(order, (element) => all[element]!),
    classOf: Int32Array.from(classOf),
    classes: rateClasses.map((each) => ({ vector: each.vector, bits: each.bits, columns: columnsOf(each) })),
    sharedColumns: Int32Array.from({ length: windows }, (_, window) => sharedColumn(window)),
  };
}
