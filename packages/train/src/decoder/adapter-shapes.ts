/** Which numbers a decoder's adapter trains: their names and shapes, before anything is allocated. */
import type { DecoderGradients, NamedTensors } from "@revq/core";
import type { DecoderMode } from "@revq/tokenizer";

/** Of the changes that `lora` learns; small matrices have less. */
export const defaultRank = 8;

export interface AdapterPlan {
  readonly mode: DecoderMode;
  /** Largest rank of a change; null unless the mode is `lora`. */
  readonly rank: number | null;
  /** What is trained, in order. Names are those of `DecoderAdapter.state`. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Trained numbers. */
  readonly parameters: number;
}

/**
 * `all`: every tensor of the decoder. `last`: those of the last third of its stages. `lora`: two
 * factors `NAME.a` and `NAME.b` for every matrix and convolution.
 *
 * @param state `Backbone.state()`
 */
export function planAdapter(
  mode: DecoderMode,
  { stages }: DecoderGradients,
  state: NamedTensors,
  rank = defaultRank,
): AdapterPlan {
  const trained = mode === "last" ? stages.slice(Math.floor((2 * stages.length) / 3)) : stages;
  const tensors = trained.flat().map((name) => [name, state[name]!.shape] as const);
  const shapes = mode === "lora" ? tensors.flatMap(([name, shape]) => factors(name, shape, rank)) : tensors;
  const parameters = shapes.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
  return { mode, rank: mode === "lora" ? rank : null, shapes: new Map(shapes), parameters };
}

/** Bytes of the decoder's tensors in float32. */
export function decoderBytes({ stages }: DecoderGradients, state: NamedTensors): number {
  return 4 * stages.flat().reduce((sum, name) => sum + sizeOf(state[name]!.shape), 0);
}

/** None for biases and norms. */
function factors(name: string, shape: readonly number[], rank: number): [string, number[]][] {
  if (shape.length < 2) return [];
  const [rows, columns] = asMatrix(shape);
  const own = Math.min(rank, rows, columns);
  return [
    [`${name}.a`, [rows, own]],
    [`${name}.b`, [own, columns]],
  ];
}

/**
 * A weight's axes in two groups, the first ones and the rest, so that the shorter side is as long
 * as possible. This separates inputs from outputs, in PyTorch's layout and in tfjs'.
 */
function asMatrix(shape: readonly number[]): [rows: number, columns: number] {
  const size = sizeOf(shape);
  const cuts = shape.slice(0, -1).map((_, axis) => sizeOf(shape.slice(0, axis + 1)));
  const rows = cuts.reduce((best, cut) => (Math.min(cut, size / cut) > Math.min(best, size / best) ? cut : best));
  return [rows, size / rows];
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
