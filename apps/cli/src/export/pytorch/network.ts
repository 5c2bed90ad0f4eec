/** Networks as lists of layers, with their tensors. */
import type { NamedArray, NamedArrays } from "@revq/core";
import type { DescribedPart, PythonPart } from "./python-part.js";

export interface LayerWithTensors {
  readonly layer: PythonPart;
  /** The layer's tensors are those below this name in the state; absent: it has none. */
  readonly from?: string;
}

/** @param state in PyTorch's layout */
export function describeNetwork(
  layers: readonly LayerWithTensors[],
  state: NamedArrays,
  files: readonly string[],
): DescribedPart {
  const tensors: Record<string, NamedArray> = {};
  layers.forEach(({ from }, index) => {
    if (from === undefined) return;
    const start = from === "" ? "" : `${from}.`;
    for (const [name, array] of Object.entries(state))
      if (name.startsWith(start)) tensors[`${index}.${name.slice(start.length)}`] = array;
  });
  return { part: { class: "Network", layers: layers.map(({ layer }) => layer) }, files, tensors };
}

/** A 3x3 or 1x1 convolution, as its weight `[out, in, y, x]` tells. */
export function convolutionOf(state: NamedArrays, from: string): LayerWithTensors {
  const [outputs, inputs, side] = shapeOf(state, `${from}.weight`);
  return { layer: { class: "Convolution", inputs, outputs, ...(side === 3 ? {} : { side }) }, from };
}

export function shapeOf(state: NamedArrays, name: string): readonly number[] {
  const array = state[name];
  if (!array) throw new Error(`the state has no ${name}`);
  return array.shape;
}

export const affine = (scale: number, shift: number): LayerWithTensors => ({
  layer: { class: "Affine", scale, shift },
});
