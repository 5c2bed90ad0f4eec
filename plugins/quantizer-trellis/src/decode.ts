/** ids to coefficients by tensor operations alone, so that exported models have them. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { Path } from "./path.js";
import { rateClasses } from "./rates.js";
import { columnsOf, sharedColumn, tableOffsets, windows } from "./tables.js";

/** Bits that make a window: those of the state, and the step's own. */
const windowBits = Math.log2(windows);

/** What a decoder knows besides the tables. */
export interface DecodePlan {
  readonly steps: number;
  /** Where the state's bit of each step lies, `[steps]`. */
  readonly stateBit: Int32Array;
  /** The same for the bits of its branch, highest first, and what each counts in table entries, `[most][steps]`. */
  readonly branchBits: readonly { readonly at: Int32Array; readonly counts: Float32Array }[];
  /** First entry of each step's table, `[steps]`. */
  readonly table: Float32Array;
  /** 512 where windows share columns, else 0, `[steps]`: see `columns`. */
  readonly shares: Float32Array;
  /** Of every coefficient in `[h, w, c]`: its step, and how many entries it lies behind the step's first. */
  readonly stepOf: Int32Array;
  readonly elementOffset: Float32Array;
  /** Deviation of every coefficient; 0 where it has no bits. */
  readonly scale: Float32Array;
}

export function decodePlan(path: Path, deviations: Float32Array): DecodePlan {
  const { steps, classOf, bitOf, firstOf, order } = path;
  const most = Math.max(...rateClasses.map(({ bits }) => bits)) - 1;
  const branchBits = Array.from({ length: most }, (_, place) => {
    const at = new Int32Array(steps);
    const counts = new Float32Array(steps);
    for (let step = 0; step < steps; step++) {
      const { bits, vector } = rateClasses[classOf[step]!]!;
      at[step] = bitOf[step]!;
      if (place >= bits - 1) continue;
      at[step] = bitOf[step]! + 1 + place;
      counts[step] = 2 ** (bits - 2 - place) * vector * columnsOf(rateClasses[classOf[step]!]!);
    }
    return { at, counts };
  });
  const stepOf = new Int32Array(order.length);
  const elementOffset = new Float32Array(order.length);
  const scale = new Float32Array(order.length);
  for (let step = 0; step < steps; step++) {
    const each = rateClasses[classOf[step]!]!;
    for (let i = 0; i < each.vector; i++) {
      const element = order[firstOf[step]! + i];
      if (element === undefined) continue; // behind the last coefficient
      stepOf[element] = step;
      elementOffset[element] = i * columnsOf(each);
      scale[element] = deviations[element]!;
    }
  }
  const table = Float32Array.from(classOf, (index) => tableOffsets[index]!);
  const shares = Float32Array.from(classOf, (index) => (columnsOf(rateClasses[index]!) === windows ? 0 : windows));
  return { steps, stateBit: bitOf, branchBits, table, shares, stepOf, elementOffset, scale };
}

/** The column of window w: at w where windows are columns, at 512 + w where they share them. */
const columns = Float32Array.from({ length: 2 * windows }, (_, i) => (i < windows ? i : sharedColumn(i - windows)));

/**
 * ids `[n, t]` int32 -> coefficients `[n, elements]`. Within `tf.tidy`.
 *
 * @param width bits of an id
 */
export function decodeIds(ids: Tensor2D, tables: Tensor1D, width: number, plan: DecodePlan): Tensor2D {
  const [n, tokens] = ids.shape;
  const floats = tf.reshape(tf.cast(ids, "float32"), [n, tokens, 1]);
  const shift = (extra: number): Tensor =>
    tf.floor(tf.mul(floats, tf.tensor1d(Array.from({ length: width }, (_, i) => 2 ** (i + 1 - width - extra)))));
  const bits = tf.reshape(tf.sub(shift(0), tf.mul(shift(1), 2)), [n, tokens * width]);
  const pick = (at: Int32Array): Tensor => tf.gather(bits, tf.tensor1d(at, "int32"), 1);

  const past = tf.pad(pick(plan.stateBit) as Tensor2D, [
    [0, 0],
    [windowBits - 1, 0],
  ]);
  let window: Tensor = tf.tensor1d(plan.shares);
  for (let age = 0; age < windowBits; age++) {
    const bit = tf.slice(past, [0, windowBits - 1 - age], [n, plan.steps]);
    window = tf.add(window, tf.mul(bit, 2 ** age));
  }
  const column = tf.gather(tf.tensor1d(columns), tf.reshape(tf.cast(window, "int32"), [-1]));
  let entry: Tensor = tf.add(tf.reshape(column, [n, plan.steps]), tf.tensor1d(plan.table));
  for (const { at, counts } of plan.branchBits) {
    if (counts.every((count) => count === 0)) continue;
    entry = tf.add(entry, tf.mul(pick(at), tf.tensor1d(counts)));
  }
  const ofElement = tf.add(tf.gather(entry, tf.tensor1d(plan.stepOf, "int32"), 1), tf.tensor1d(plan.elementOffset));
  const chosen = tf.gather(tables, tf.reshape(tf.cast(ofElement, "int32"), [-1]));
  return tf.mul(tf.reshape(chosen, [n, plan.stepOf.length]), tf.tensor1d(plan.scale));
}
