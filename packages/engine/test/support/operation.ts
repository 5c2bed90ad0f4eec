/** An operation with random shapes, and makers of unary, binary, reducing and shaped ones. */
import type { Tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";

export interface Input {
  readonly shape: readonly number[];
  /** Default `any`: normal values. */
  readonly values?: "any" | "positive" | "indices";
  /** For indices: they lie below. */
  readonly below?: number;
}

export interface Case {
  readonly inputs: readonly Input[];
  /** For messages. */
  readonly settings?: unknown;
  run(...tensors: Tensor[]): Tensor;
}

export interface Operation {
  readonly name: string;
  readonly cases: fc.Arbitrary<Case>;
  /** False where tfjs has no gradient for it. Default true. */
  readonly gradient?: boolean;
}

export const size = fc.integer({ min: 1, max: 6 });
export const shape = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(size, { minLength, maxLength });
export const image = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 5, max: 9 }),
  fc.integer({ min: 5, max: 9 }),
  fc.integer({ min: 1, max: 5 }),
);

export type Unary = (x: Tensor) => Tensor;

export function unary(name: string, run: Unary, values: Input["values"] = "any", gradient = true): Operation {
  return { name, gradient, cases: shape(1, 4).map((dims) => ({ inputs: [{ shape: dims, values }], run })) };
}

/** Two shapes that broadcast: the second loses leading dimensions or has ones. */
export const broadcastPair = shape(1, 4).chain((dims) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: dims.length, maxLength: dims.length }),
      fc.integer({ min: 0, max: dims.length }),
      fc.boolean(),
    )
    .map(([ones, dropped, swap]) => {
      const other = dims.map((dimension, i) => (ones[i] ? 1 : dimension)).slice(dropped);
      return swap ? [other, dims] : [dims, other];
    }),
);

export function binary(
  name: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  values: Input["values"] = "any",
  gradient = true,
): Operation {
  return {
    name,
    gradient,
    cases: broadcastPair.map(([a, b]) => ({
      inputs: [
        { shape: a!, values },
        { shape: b!, values },
      ],
      run,
    })),
  };
}

export function sameShape(name: string, run: (a: Tensor, b: Tensor) => Tensor): Operation {
  return { name, cases: shape(1, 4).map((dims) => ({ inputs: [{ shape: dims }, { shape: dims }], run })) };
}

export function reduction(
  name: string,
  reduce: (x: Tensor, axes: number[], keep: boolean) => Tensor,
  gradient = true,
): Operation {
  const cases = shape(1, 4).chain((dims) =>
    fc.tuple(fc.shuffledSubarray([...dims.keys()], { minLength: 1 }), fc.boolean()).map(([axes, keep]): Case => ({
      inputs: [{ shape: dims }],
      settings: { axes, keep },
      run: (x) => reduce(x, axes, keep),
    })),
  );
  return { name, cases, gradient };
}

/** An operation with arguments that follow from the shape: slices, pads and others. */
export function shaped(
  name: string,
  run: (x: Tensor, dims: readonly number[]) => Tensor,
  lengths: [number, number] = [1, 4],
  gradient = true,
): Operation {
  return {
    name,
    gradient,
    cases: shape(...lengths).map((dims) => ({ inputs: [{ shape: dims }], run: (x) => run(x, dims) })),
  };
}
